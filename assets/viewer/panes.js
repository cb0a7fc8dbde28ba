// The panes on their canvases: axes below, points with WebGL between, marks that follow the pointer above.

const DRAW_ORDER = [1, 2, 0] // retain first, so that the few forget samples lie on top
const FAINT = 0.16 // of the opacity of what is not selected

function createPanes(field, state) {
  const [below, points, above] = ["below", "points", "above"].map((name) => field.appendChild(element("canvas", name)))
  let painter = createPainter(points, { keep: true })
  if (!painter) return null
  above.tabIndex = 0
  above.setAttribute("role", "img")
  // Drawn by the processor: lines and letters on the graphics card cost more than the points where it is emulated.
  const flatPen = (canvas) => canvas.getContext("2d", { willReadFrequently: true })
  const pens = { below: flatPen(below), above: flatPen(above) }
  const known = new Map() // what is costly to find and does not change: outlines, movers
  let panes = []
  let runs = []
  let order = new Uint32Array(0)
  let titles = []
  let marked = false
  let frames = 0
  let drawnAt = 0

  const once = (name, make) => {
    if (!known.has(name)) known.set(name, make())
    return known.get(name)
  }

  // Which samples are drawn, group by group, the selected ones last.
  const sort = () => {
    const { samples, selected, any } = state
    const stretches = []
    const indices = []
    for (const chosen of any ? [0, 1] : [0]) {
      for (const group of DRAW_ORDER) {
        const from = indices.length
        for (let i = 0; i < samples.count; i++) {
          if (samples.group[i] === group && (!any || selected[i] === chosen) && state.shows(i)) indices.push(i)
        }
        if (indices.length > from) {
          stretches.push({ symbol: samples.groups[group].symbol, chosen: Boolean(chosen), from, count: indices.length - from })
        }
      }
    }
    runs = stretches
    order = Uint32Array.from(indices)
    painter.order(order)
    painter.forget("stray")
    known.clear()
  }

  const resize = (width, height) => {
    let changed = false
    field.style.height = `${height}px`
    for (const canvas of [below, points, above]) {
      const [wide, high] = [width, height].map((side) => Math.round(side * state.ratio))
      if (canvas.width === wide && canvas.height === high) continue
      canvas.width = wide
      canvas.height = high
      changed = true
    }
    return changed
  }

  const drawBelow = (pane) => {
    const { scene, samples } = state
    const pen = pens.below
    const { x, y, width, height } = pane.cleared
    pen.clearRect(x, y, width, height)
    paneTitle(pen, pane)
    scene.flat ? flatAxes(pen, pane, scene.axes) : cubeAxes(pen, pane, scene.axes, state.view().camera)
    const moment = nearer(pane.at)
    if (state.shaded()) shadeOf(pen, pane, once(`shades ${moment}`, () => shades(scene, samples, moment, state.shows, state.colour === "group")))
    guides(pen, pane, scene, scene.axes)
    const missing = once(`missing ${moment}`, () => emptyAxes(scene, moment))
    if (missing.length) {
      const { box } = pane
      const text = `${missing.map((axis) => axis.short).join(", ")}: not known here`
      words(pen, text, box.x + box.width / 2, box.y + box.height / 2, { colour: pen.faint })
    }
    if (pane.above) {
      for (const [axis, area] of [[0, pane.above], [1, pane.beside]]) {
        const counts = marginals(scene, samples, pane.at, axis, pane.zoom[axis], (group) => !state.hidden.has(group))
        const among = (i) => state.selected[i]
        const chosen = state.any ? marginals(scene, samples, pane.at, axis, pane.zoom[axis], (group) => !state.hidden.has(group), among) : []
        histogram(pen, area, counts, chosen, samples.groups, axis === 1)
      }
    }
  }

  const drawPoints = (pane) => {
    const { scene } = state
    painter.clear(pane.box, state.ratio)
    // A small group stands out among many, and so do few selected ones.
    for (const run of runs) {
      const { size, opacity } = markLook(pane.box, run.chosen ? run.count : (order.length + run.count) / 2)
      Object.assign(run, { size: size * state.ratio, opacity: run.chosen ? 1 : opacity })
    }
    const size = markLook(pane.box, order.length).size * state.ratio
    const look = { size, hollow: pane.hollow, deep: !scene.flat, others: state.any ? FAINT : 1 }
    const codes = (moment) => ({ name: `codes ${moment}`, make: () => scene.codesAt(moment), size: scene.size, coded: true })
    const between = ({ from, to }) => [codes(from), codes(to)]
    const colours = (moment) => ({
      name: `colour ${state.colour} ${changesOverRounds(state.colour) ? moment : ""}`,
      make: () => coloursOf(state.colour, scene, state.samples, moment),
    })
    if (pane.ghost) {
      painter.points(between(pane.ghost), pane.matrix, runs, {
        ...look, colours: colours(pane.ghost.from), hollow: true, opacity: 0.4,
      })
    }
    const moment = nearer(pane.at)
    painter.points(between(pane.at), pane.matrix, runs, { ...look, colours: colours(moment), share: pane.at.share })
    const lost = scene.straysAt(moment).filter((i) => state.shows(i) && (!state.any || state.selected[i]))
    painter.rings(`stray ${moment}`, lost, size + 9 * state.ratio, state.inks.rgb)
  }

  const nameOf = (pane) => `${pane.title} ${nearer(pane.at)}`

  const spotAt = (pane, at, i) => {
    const place = state.scene.place(i, at)
    return place && project(pane.matrix, pane.box, ...place)
  }
  const spot = (pane, i) => spotAt(pane, pane.at, i)

  const groupColour = (i) => rgb(state.samples.groups[state.samples.group[i]].colour)

  const selectedIndices = () => [...order].filter((i) => state.selected[i])

  const drawOutlines = (pen) => {
    const { scene, samples } = state
    if (!state.contours || !scene.map) return
    for (const pane of panes) {
      const moment = nearer(pane.at)
      classOutlines(pen, pane, once(`outlines ${moment}`, () => outlines(scene, samples, moment)), samples.name)
    }
  }

  const drawPaths = (pen) => {
    const { scene } = state
    const pane = panes.find(({ kind }) => kind === "round")
    if (!pane) return
    const chosen = selectedIndices()
    if (state.trails && chosen.length) {
      trails(pen, pane, scene, chosen.slice(0, MOST_PATHS), state.position, groupColour)
    }
    if (!pane.ghost) return
    const moment = nearer(pane.at)
    const moved = chosen.length ? chosen.slice(0, MOST_PATHS) : once(`movers ${moment}`, () => movers(scene, moment, [...order]))
    // Many arrows are drawn fainter, so that they do not cover what they point at.
    const opacity = moved.length > 30 ? 0.4 : 0.85
    clipped(pen, pane.box, () => {
      for (const i of moved) {
        const ends = [spotAt(pane, pane.ghost, i), spot(pane, i)]
        if (!ends.includes(null)) arrow(pen, ...ends, css(groupColour(i), opacity))
      }
    })
  }

  // The hovered sample, ringed in every pane, with a line from place to place.
  const drawHovered = (pen) => {
    const i = state.hovered?.index
    if (i === undefined) return
    const spots = panes.flatMap((pane) => [...(pane.ghost ? [[pane, spotAt(pane, pane.ghost, i)]] : []), [pane, spot(pane, i)]])
    const seen = spots.filter(([pane, at]) => at && within(pane.box, ...at)).map(([, at]) => at)
    stroke(pen, seen, pen.ink, 1, [2, 3])
    for (const at of seen) ring(pen, at, pen.ink)
  }

  const drawRuler = (pen) => {
    const ends = state.ruler.map(({ index, moment }) => {
      const pane = panes.find(({ at }) => nearer(at) === moment) ?? panes[0]
      return spot(pane, index)
    })
    if (ends.includes(null)) return
    if (ends.length === 2) stroke(pen, ends, pen.accent, 2)
    for (const end of ends) ring(pen, end, pen.accent)
  }

  const draw = (what) => {
    const { scene } = state
    const width = field.clientWidth
    if (!scene || !width) return
    panes = panesOf(scene, state.position, state.overlay)
    const grown = resize(width, Math.ceil(layOut(panes, width, scene, state.view())))
    for (const pen of Object.values(pens)) {
      pen.setTransform(state.ratio, 0, 0, state.ratio, 0, 0)
      // Letters at even distances, also where a pixel is a pixel.
      Object.assign(pen, state.inks, { textRendering: "geometricPrecision" })
    }
    const all = what === "all" || grown
    if (all) {
      pens.below.clearRect(0, 0, below.width, below.height)
      painter.clear({ x: 0, y: 0, width: points.width / state.ratio, height: points.height / state.ratio }, state.ratio)
    }
    for (const pane of panes) {
      if (!all && (what === "marks" || !pane.moving)) continue
      // Without histograms nothing below the points changes on the way from round to round.
      if (all || pane.above || nameOf(pane) !== titles[panes.indexOf(pane)]) drawBelow(pane)
      drawPoints(pane)
    }
    titles = panes.map(nameOf)
    drawMarks(pens.above)
    frames++
    drawnAt = performance.now()
  }

  const drawMarks = (pen) => {
    const { scene, any, overlay, contours, hovered, ruler, lasso } = state
    const wanted = any || overlay || (contours && scene.map) || hovered || ruler.length || lasso
    // A canvas that stays empty is not sent to the screen again.
    if (!wanted && !marked) return
    marked = Boolean(wanted)
    pen.clearRect(0, 0, above.width, above.height)
    drawOutlines(pen)
    drawPaths(pen)
    drawHovered(pen)
    drawRuler(pen)
    if (lasso) lassoLine(pen, lasso.path)
  }

  points.addEventListener("webglcontextlost", (event) => event.preventDefault())
  points.addEventListener("webglcontextrestored", () => {
    // Nothing on the card has survived.
    painter = createPainter(points, { keep: true })
    sort()
    state.redraw()
  })

  return {
    above, draw, sort, spot,
    panes: () => panes,
    order: () => order,
    take() {
      painter.forget("")
      known.clear()
    },
    inspect: () => ({ panes, frames, drawnAt, drawn: order.length, spot, points }),
    free: () => painter.free(),
  }
}
