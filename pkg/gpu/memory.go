// Package gpu says how much memory of an accelerator the inference of a sub-tile
// takes, and how much an accelerator has. docs/shine.md says how it was measured.
package gpu

import "strings"

// Load is what decides how much memory of an accelerator one sub-tile takes.
type Load struct {
	Exposures int   // dithers
	Slots     int   // quadrants of the exposure that has the most: the others are padded to it
	Width     int   // pixels of a quadrant
	Height    int   //
	Sources   int   // that may be modelled: those of the extended area, before SHINE's selection
	Batch     int   // sources drawn at once; 0: the adapter's default
	Overhead  int64 // bytes that are gone before the first array; 0: a CUDA context's
}

// What the arithmetic rests on; docs/gpu.md says how it was measured.
const (
	// Bytes per pixel that stay: observed, noise and mask (4 + 4 + 1), and noise
	// and observed once more, as constants of the compiled step.
	heldPerPixel = 17
	// Bytes per pixel while a step is taken: the model's image, its scaled
	// residual and their derivatives.
	workPerPixel = 16
	// Bytes of what the derivatives need of one source on one exposure, for a
	// stamp of 64 pixels; larger stamps come in smaller batches. XLA says 6.1 MB.
	perDrawn = 6_200_000
	// A PSF stamp of 47 x 47 pixels, on the device and as a constant.
	perStamp = 2 * 47 * 47 * 4
	// DefaultBatch is the adapter's own: sources drawn at once.
	DefaultBatch = 64
	contextBytes = 800_000_000
)

// Estimate is how much memory of an accelerator the adapter takes for a load.
// It is the peak of a MAP or VI step and of the curvature, which draws the same
// batches; NUTS keeps no more of the pixels. Only the pixels grow with the
// number of quadrants: sources are drawn in batches.
func Estimate(l Load) Memory {
	batch := l.Batch
	if batch <= 0 {
		batch = DefaultBatch
	}
	if l.Overhead <= 0 {
		l.Overhead = contextBytes
	}
	pixels := int64(l.Exposures) * int64(l.Slots) * int64(l.Width) * int64(l.Height)
	stamps := int64(l.Sources) * int64(l.Exposures)
	return Memory{
		Images: pixels * heldPerPixel, Work: pixels * workPerPixel, Stamps: stamps * perStamp,
		Batch: int64(min(batch, l.Sources)) * perDrawn, Overhead: l.Overhead,
	}
}

// usable is the part of an accelerator's memory that JAX takes (XLA_PYTHON_CLIENT_MEM_FRACTION).
const usable = 0.9

// accelerators are the memories of what clouds lend, in bytes, by the names
// that Kubernetes' node labels and Flyte have.
func accelerators() map[string]int64 {
	const gib = 1 << 30
	return map[string]int64{
		"nvidia-tesla-t4": 15 * gib, "nvidia-tesla-v100": 16 * gib, "nvidia-l4": 22 * gib, "nvidia-l40s": 44 * gib, "nvidia-tesla-a10g": 22 * gib,
		"nvidia-tesla-a100": 40 * gib, "nvidia-a100-80gb": 80 * gib, "nvidia-h100-80gb": 79 * gib, "nvidia-h100-mega-80gb": 79 * gib, "nvidia-h200-141gb": 139 * gib,
	}
}

// Budget is how many bytes of an accelerator a sub-tile may take: of memory,
// its size, where that is given, else of what the table says. Of an accelerator
// that it doesn't know nothing is said.
func Budget(accelerator string, memory int64) (bytes int64, known bool) {
	if memory <= 0 {
		memory = accelerators()[strings.ToLower(accelerator)]
	}
	return int64(usable * float64(memory)), memory > 0
}

// Memory is an estimate, in bytes, and its parts.
type Memory struct {
	Images   int64 // observed, noise and masks of all exposures
	Work     int64 // model images, residuals and their derivatives
	Stamps   int64 // PSFs and positions of all sources on all exposures
	Batch    int64 // what is kept of the sources that are drawn at once
	Overhead int64 // CUDA's context and libraries
}

// Total is all of it.
func (m Memory) Total() int64 { return m.Images + m.Work + m.Stamps + m.Batch + m.Overhead }
