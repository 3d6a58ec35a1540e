package spec

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"github.com/robfig/cron/v3"
)

// Schedule is when a launch plan fires by itself, once it has been activated:
// by Cron or Every. Flyte names a scheduled execution by plan, version and
// time, so that none fires twice, and after a pause of the scheduler it fires
// those that were missed.
type Schedule struct {
	// Cron has five fields (minute, hour, day of month, month, day of week), or
	// is one of @hourly, @daily, @weekly, @monthly, @yearly. The clock is the
	// scheduler's, as a rule UTC; "CRON_TZ=Europe/Paris 0 2 * * *" names another.
	Cron string
	// Every is a fixed rate in whole minutes.
	Every time.Duration
	// KickoffTime names an input of the workflow, of type DATETIME, that gets
	// the time for which the execution was scheduled.
	KickoffTime string
}

// ParseSchedule reads a schedule as people type it: a Go duration such as 6h, or cron.
func ParseSchedule(text string) (Schedule, error) {
	s := Schedule{Cron: strings.TrimSpace(text)}
	if d, err := time.ParseDuration(s.Cron); err == nil {
		s = Schedule{Every: d}
	} else if s.Cron == "" {
		return s, errors.New(`a schedule is a duration such as 6h or five cron fields such as "0 2 * * *"`)
	}
	return s, s.check()
}

func (s Schedule) check() error {
	switch {
	case s.Cron != "" && s.Every != 0:
		return fmt.Errorf("a schedule has Cron %q or Every %v, not both", s.Cron, s.Every)
	case s.Cron != "":
		// The engine's parser, and one thing more: 30 February never comes.
		when, err := cron.ParseStandard(s.Cron)
		if err != nil {
			return fmt.Errorf(`cron %q: %w (five fields: minute, hour, day of month, month, day of week, e.g. "0 2 * * *")`, s.Cron, err)
		}
		if when.Next(time.Now()).IsZero() {
			return fmt.Errorf("cron %q never fires", s.Cron)
		}
	case s.Every != 0:
		if s.Every < time.Minute || s.Every%time.Minute != 0 {
			return fmt.Errorf("a fixed rate of %v: Flyte counts in whole minutes, from one on", s.Every)
		}
	case s.KickoffTime != "":
		return fmt.Errorf("the kickoff time goes into %s, and there is no schedule", s.KickoffTime)
	}
	return nil
}

func (s Schedule) proto() *admin.Schedule {
	p := &admin.Schedule{KickoffTimeInputArg: s.KickoffTime}
	const day = 24 * time.Hour
	rate := func(n time.Duration, unit admin.FixedRateUnit) *admin.Schedule {
		p.ScheduleExpression = &admin.Schedule_Rate{Rate: &admin.FixedRate{Value: uint32(n), Unit: unit}}
		return p
	}
	switch {
	case s.Cron != "":
		p.ScheduleExpression = &admin.Schedule_CronSchedule{CronSchedule: &admin.CronSchedule{Schedule: s.Cron}}
		return p
	case s.Every == 0:
		return nil
	case s.Every%day == 0:
		return rate(s.Every/day, admin.FixedRateUnit_DAY)
	case s.Every%time.Hour == 0:
		return rate(s.Every/time.Hour, admin.FixedRateUnit_HOUR)
	}
	return rate(s.Every/time.Minute, admin.FixedRateUnit_MINUTE)
}

// Channel is how a notification goes out. Flyte sends all of them as e-mail:
// Slack and PagerDuty have addresses that turn mail into messages and incidents.
type Channel uint8

// The channels that Flyte knows.
const (
	Email Channel = iota
	Slack
	PagerDuty
)

// Notification tells people that an execution has ended.
type Notification struct {
	Channel    Channel
	Recipients []string // e-mail addresses
	// Phases in which an execution ends: SUCCEEDED, FAILED, ABORTED or TIMED_OUT.
	Phases []core.WorkflowExecution_Phase
}

// ParsePhase reads the name of a phase in which an execution ends, in any case.
func ParsePhase(name string) (core.WorkflowExecution_Phase, error) {
	p := core.WorkflowExecution_Phase(core.WorkflowExecution_Phase_value[strings.ToUpper(strings.TrimSpace(name))])
	if !terminal(p) {
		return p, fmt.Errorf("%q is no phase in which an execution ends: succeeded, failed, aborted or timed_out", name)
	}
	return p, nil
}

func terminal(p core.WorkflowExecution_Phase) bool {
	switch p {
	case core.WorkflowExecution_SUCCEEDED, core.WorkflowExecution_FAILED, core.WorkflowExecution_ABORTED, core.WorkflowExecution_TIMED_OUT:
		return true
	}
	return false
}

func (n Notification) check() error {
	if len(n.Recipients) == 0 || len(n.Phases) == 0 {
		return errors.New("a notification needs recipients and phases")
	}
	for _, r := range n.Recipients {
		if name, host, ok := strings.Cut(r, "@"); !ok || name == "" || host == "" || strings.ContainsAny(r, " ,;") {
			return fmt.Errorf("notification recipient %q is no e-mail address", r)
		}
	}
	for _, p := range n.Phases {
		if !terminal(p) {
			return fmt.Errorf("notification on %s: an execution does not end in it", p)
		}
	}
	return nil
}

func (n Notification) proto() *admin.Notification {
	p := &admin.Notification{Phases: n.Phases}
	switch n.Channel {
	case Slack:
		p.Type = &admin.Notification_Slack{Slack: &admin.SlackNotification{RecipientsEmail: n.Recipients}}
	case PagerDuty:
		p.Type = &admin.Notification_PagerDuty{PagerDuty: &admin.PagerDutyNotification{RecipientsEmail: n.Recipients}}
	default:
		p.Type = &admin.Notification_Email{Email: &admin.EmailNotification{RecipientsEmail: n.Recipients}}
	}
	return p
}
