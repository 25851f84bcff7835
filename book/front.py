"""The moving picture of the front page: python book/front.py writes book/static/front.svg.

The networks are those of the first chapters, run here; nothing is drawn by hand. A test holds the
file to this program.
"""

from pathlib import Path

import flowlib as fl
from flowlib.pages.examples import bump, leaky_network

N, WIDTH, HEIGHT, GAP = 32, 300, 84, 40
FRAMES = range(N, 2 * N)  # once around, when the memory has settled: the film closes
FILE = Path(__file__).parent / "static" / "front.svg"
ALT = (
    "A bump travels around a ring. The memory of a G-RNN is low and trails behind what it should be. "
    "The memory of a FERNN, in the channel that rides along, is exactly what it should be."
)
STYLE = (
    ".front-still{display:none}"
    "@media (prefers-reduced-motion:reduce){.front-still{display:inline}.front-moving{display:none}}"
)


def curve(values, scale: float) -> str:
    """A signal on the ring as an SVG path, from the middle of the first to the last position."""
    points = " ".join(
        f"{(k + 0.5) * WIDTH / N:.1f},{HEIGHT - value * scale:.1f}"
        for k, value in enumerate(values)
    )
    return f"M0,{HEIGHT} L{points} L{WIDTH},{HEIGHT}"


def film(video, scale: float, look: str) -> str:
    """A path that runs through the frames, and the one in the middle for who wants no motion."""
    paths = [curve(frame, scale) for frame in video.tolist()]
    values = ";".join([*paths, paths[0]])
    return (
        f'<path {look} class="front-moving" d="{paths[0]}"><animate attributeName="d" dur="8s" '
        f'repeatCount="indefinite" values="{values}"/></path>'
        f'<path {look} class="front-still" d="{paths[len(paths) // 2]}"/>'
    )


def panel(x: int, y: int, title: str, *films: str) -> str:
    return (
        f'<g transform="translate({x},{y})"><text y="-8" fill="currentColor">{title}</text>'
        f'<path d="M0,{HEIGHT}H{WIDTH}" stroke="currentColor" opacity=".5"/>{"".join(films)}</g>'
    )


def picture() -> str:
    ring = fl.Translations((N,))
    still = fl.flow(ring, bump(N, center=N // 2)[None], velocity=0, steps=2 * N)
    moving = fl.flow_video(ring, still, velocity=1)
    grnn = leaky_network(ring, velocities=[0])
    fernn = leaky_network(ring, fl.translation_velocities(2, ndim=1))
    rides_along = fl.velocity_index(fernn.velocities, 1)

    wanted = fl.flow_video(ring, grnn(still)[:, :, 0], velocity=1)[0, FRAMES.start :, 0]
    seen = moving[0, FRAMES.start :, 0]
    lost = grnn(moving)[0, FRAMES.start :, 0, 0]
    kept = fernn(moving)[0, FRAMES.start :, rides_along, 0]

    orange = 'fill="#e8590c" fill-opacity=".75"'
    grey = 'fill="currentColor" fill-opacity=".55"'
    outline = 'fill="none" stroke="#3b82f6" stroke-width="2.5" stroke-dasharray="6 4"'
    scale = 0.92 * HEIGHT / wanted.max().item()
    right, lower = WIDTH + GAP, HEIGHT + GAP + 22
    goal = film(wanted, scale, outline)
    panels = [
        panel(0, 22, "The world: a bump that travels", film(seen, 0.92 * HEIGHT, grey)),
        panel(0, 22 + lower, "What a G-RNN remembers", film(lost, scale, orange), goal),
        panel(right, 22 + lower, "What a FERNN remembers", film(kept, scale, orange), goal),
        f'<g transform="translate({right},{22})" fill="currentColor">'
        f'<path d="M0,30h34" {outline}/><text x="46" y="36">the memory of a still</text>'
        '<text x="46" y="60">bump, carried along</text></g>',
    ]
    pause = "this.animationsPaused()?this.unpauseAnimations():this.pauseAnimations()"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="flowlib-figure" role="img" color="#6e7681" '
        f'viewBox="0 0 {2 * WIDTH + GAP} {2 * HEIGHT + GAP + 52}" width="{2 * WIDTH + GAP}" '
        f'font-family="system-ui, sans-serif" font-size="19" tabindex="0" onclick="{pause}" '
        f"onkeydown=\"if(event.key==='Enter')this.onclick()\" "
        f'aria-label="{ALT}"><style>{STYLE}</style>{"".join(panels)}</svg>\n'
    )


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(picture(), encoding="utf8")
    print("written:", FILE.name)
