// The commuting square. Draws what square.py packed: a signal at three corners, and at the fourth
// what has come there on both ways, one over the other.
//
// Orange went right and then down: F(g.f). Blue went down and then right: g.F(f).

const AXIS = 20, LEFT = 16;
const CSS = `
.square .panels { grid-template: "f top gf" "left . right" "Ff bottom both" / minmax(0, 1fr) 2.4em minmax(0, 1fr);
  gap: .5rem; max-width: 660px; margin: auto; }
.square .arrow { display: grid; place-content: center; place-items: center; font-weight: 650; }
.square .arrow.down { grid-auto-flow: column; gap: .4em; }
.square .arrow svg { fill: none; stroke: currentColor; stroke-width: 2; }
.square .arrow.down svg { height: 34px; }
.square .right { color: var(--fl-accent); }
.square .left { color: var(--fl-still); }
.square .result { max-width: 660px; margin: .9rem auto 0; text-align: center; }
.square .result b { white-space: nowrap; }`;
const ACROSS = `<svg aria-hidden="true" width="34" height="12"><path d="M1 6H32M26 1l6 5-6 5"/></svg>`;
const DOWN = `<svg aria-hidden="true" width="12" height="34"><path d="M6 1V32M1 26l5 6 5-6"/></svg>`;

function render({ model, el }) {
  const { positions: N, moved, maps } = model.get("data");
  const signals = unpack(moved, N), ways = maps.map((map) => unpack(map.ways, N));
  const { root, board, colour, choice, slider, panel, describe, start } = stage({ model, el }, "square", CSS);

  choice("map", "map <i>F</i>", maps.map((map) => map.name));
  slider("g", "move by <i>g</i>", range(N), (g) => (g === 1 ? "1 position" : `${g} positions`));
  const panels = {
    f: panel("f", 112, "<i>f</i>"),
    gf: panel("gf", 112, "<i>g</i> · <i>f</i>"),
    Ff: panel("Ff", 112, "<i>F</i>(<i>f</i>)"),
    both: panel("both", 112, "", "moving:<i>F</i>(<i>g</i> · <i>f</i>)", "still:<i>g</i> · <i>F</i>(<i>f</i>)"),
  };
  const arrow = (area, way, name, icon) => board.append(
    marked("div", `<i>${name}</i>${icon}`, { class: `arrow ${way}`, style: `grid-area: ${area}` }));
  arrow("top", "right", "g", ACROSS);
  arrow("right", "right down", "F", DOWN);
  arrow("left", "left down", "F", DOWN);
  arrow("bottom", "left", "g", ACROSS);
  const number = element("b", { "data-role": "error-value" }), verdict = element("b", { "data-role": "verdict" });
  board.after(element("p", { class: "result" }, "Largest difference: ", number, ". The two ways are ", verdict, "."));

  function drawCorner(name, sign, ...rows) {
    const pen = panels[name].pen(), room = pen.height - AXIS - 8, reach = sign ? room / 2 : room;
    const y = pen.height - AXIS - 0.5 - (sign ? reach : 0);
    const box = { x: LEFT, y, width: pen.width - LEFT - 2, height: reach };
    pen.line(LEFT, box.y, LEFT + box.width, box.y);
    for (const [row, style] of rows) pen.steps(row, box, style);
    pen.ticks(LEFT, pen.height - AXIS, box.width, N, "x", 0.5);
  }

  return start(() => {
    const g = model.get("g"), k = Math.max(0, maps.findIndex((map) => map.name === model.get("map")));
    const { name, differences, equal } = maps[k], sign = ways[k].signed;
    const word = equal[g] ? "equal up to rounding" : "different";
    drawCorner("f", signals.signed, [signals.row(0), { fill: colour.grey }]);
    drawCorner("gf", signals.signed, [signals.row(g), { fill: colour.accent, alpha: 0.55 }]);
    drawCorner("Ff", sign, [ways[k].row(0), { stroke: colour.still }]);
    drawCorner("both", sign, [ways[k].row(g), { fill: colour.accent }],
      [ways[k].row(N + g), { stroke: colour.still }]);
    number.textContent = showError(differences[g]);
    verdict.textContent = word;
    describe({
      f: `The signal f on a ring of ${N} positions.`,
      gf: `g.f: the signal moved by ${g}.`,
      Ff: `F(f): the signal after the map ${name}.`,
      both: `F(g.f) and g.F(f) for ${name} and g = ${g}: ${word}.`,
    }, `${name}, g = ${g}: largest difference ${showError(differences[g])}, ${word}.`);
  });
}

export default { render };
