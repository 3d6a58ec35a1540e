"""SHINE's renderer, some sources at a time.

SHINE draws all sources of a stamp size at once, and keeps what the derivatives
need of each: 6 MB for every source and exposure with stamps of 64 pixels, 40
with stamps of 128. With a few thousand sources no GPU has that. Here SHINE's
own function draws them in batches, one after the other, and what the
derivatives need is computed again when it is their turn: more time, and memory
that doesn't grow with the number of sources.
"""

import functools


def in_batches(batch: int) -> None:
    """Make SHINE draw at most ``batch`` sources of 64 pixels at once, and fewer of larger stamps; 0: as SHINE does."""
    import jax
    import jax.numpy as jnp
    import shine.euclid.scene as scene

    whole = getattr(scene._render_tier, "whole", scene._render_tier)
    if not batch:
        scene._render_tier = whole
        return

    @functools.wraps(whole)
    def render_tier(tier_idx, stamp_size, exp_idx, *rest):
        *values, data, pixel_scale, tier_indices, image = rest
        indices = jnp.asarray(tier_indices[tier_idx])
        size = max(1, batch * 64**3 // stamp_size**3)
        full = indices.shape[0] // size

        @jax.checkpoint
        def draw(image, values, indices):
            return whole(tier_idx, stamp_size, exp_idx, *values, data, pixel_scale, {tier_idx: indices}, image)

        if full:
            image, _ = jax.lax.scan(lambda image, some: (draw(image, values, some), None), image, indices[: full * size].reshape(full, size))
        if full * size < indices.shape[0]:
            image = draw(image, values, indices[full * size :])
        return image

    render_tier.whole = whole
    scene._render_tier = render_tier
