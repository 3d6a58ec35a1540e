package upkeep
import "context"
type Deep struct{}
func (v *Verified) read(ctx context.Context) error { return nil }
func (v *Verdict) across(ctx context.Context) error { return nil }
