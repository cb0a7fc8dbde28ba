// One space: its panes side by side, drawn from the state that all spaces share, and what a pointer does to them.

const PAIRS = [[0, 1], [0, 2], [1, 2]]
const LEFT = 58
const NARROWEST = 235

function createChart(root, share) {
  const box = element("div", "space")
  const heading = box.appendChild(element("div", "heading"))
  const field = box.appendChild(element("div", "field"))
  let points = field.appendChild(element("canvas"))
  const cover = field.appendChild(element("canvas", "cover"))
  cover.tabIndex = 0
  root.append(box)
  const pen = cover.getContext("2d")
  let painter = null
  let space = null
  let codes = []
  let places = []
  let drawnLog = null
  let panes = []
  let lasso = null
  let drag = null
  const zooms = PAIRS.map(WHOLE)

  const start = () => {
    painter = (share.webgl && webglPainter(points)) || null
    if (painter) {
      points.addEventListener("webglcontextlost", (event) => event.preventDefault())
      points.addEventListener("webglcontextrestored", () => { painter = webglPainter(points); share.redraw() })
      return
    }
    // A canvas keeps the kind of its first context, so the other painter needs a new one.
    const fresh = element("canvas")
    points.replaceWith(fresh)
    points = fresh
    painter = canvasPainter(points)
  }

  const shownAxes = () => space.axes.map((axis) => shownAxis(axis, share.log))

  const place = () => {
    const moments = share.moments()
    const width = field.clientWidth
    const columns = Math.max(1, Math.min(moments.length, Math.floor(width / NARROWEST)))
    const left = share.flat ? LEFT : 0
    const across = (width - left) / columns
    const rows = Math.ceil(moments.length / columns)
    const pane = share.flat ? 236 : Math.min(across + 20, 420)
    panes = []
    let top = 0
    const add = (pair, line) => {
      for (const [k, moment] of moments.slice(line * columns, (line + 1) * columns).entries()) {
        const frame = { x: left + k * across, y: top, width: across, height: pane }
        const titled = pair === undefined || pair === 0 ? 22 : 4
        const inner = share.flat
          ? { x: frame.x + 3, y: top + titled, width: across - 14, height: pane - 26 - titled - 12 }
          : { x: frame.x, y: top + 4, width: across, height: pane - 8 }
        panes.push({
          frame, box: inner, first: k === 0, moment: moment.index, title: moment.title, kind: moment.kind,
          hollow: moment.kind === "before", pair: pair === undefined ? null : PAIRS[pair],
          zoom: pair === undefined ? null : zooms[pair], titled: titled > 4,
        })
      }
      top += pane
    }
    for (let line = 0; line < rows; line++) share.flat ? PAIRS.forEach((_, pair) => add(pair, line)) : add(undefined, line)
    const height = Math.ceil(top)
    field.style.height = `${height}px`
    for (const canvas of [points, cover]) {
      if (canvas.width !== Math.round(width * share.ratio)) canvas.width = Math.round(width * share.ratio)
      if (canvas.height !== Math.round(height * share.ratio)) canvas.height = Math.round(height * share.ratio)
    }
  }

  const draw = () => {
    if (!space || !field.clientWidth) return
    if (drawnLog !== share.log) {
      painter.forget()
      places = codes.map((moment) => placesOf(moment, space.axes, share.log))
      drawnLog = share.log
    }
    place()
    for (const pane of panes) {
      pane.places = places[pane.moment]
      pane.matrix = pane.pair
        ? flatMatrix(pane.pair, pane.zoom)
        : cameraMatrix(share.camera, pane.box.width / pane.box.height)
    }
    painter.draw(panes, share.look())
    pen.setTransform(share.ratio, 0, 0, share.ratio, 0, 0)
    pen.clearRect(0, 0, cover.width, cover.height)
    Object.assign(pen, share.inks)
    const axes = shownAxes()
    for (const pane of panes) {
      if (pane.titled) paneTitle(pen, pane)
      pane.pair ? flatAxes(pen, pane, axes) : cubeAxes(pen, pane, axes, share.camera)
    }
    drawHovered()
    if (lasso) drawLasso()
  }

  const spotIn = (pane, i) => {
    const [x, y, z] = pane.places.subarray(3 * i, 3 * i + 3)
    return x === AWAY ? null : project(pane.matrix, pane.box, x, y, z)
  }

  // The same sample is ringed in every pane of every space.
  const drawHovered = () => {
    if (share.hovered === null) return
    pen.strokeStyle = pen.ink
    pen.lineWidth = 1.5
    for (const pane of panes) {
      const spot = spotIn(pane, share.hovered)
      if (!spot || !within(pane.box, ...spot)) continue
      pen.beginPath()
      pen.arc(...spot, 7, 0, 7)
      pen.stroke()
    }
  }

  const drawLasso = () => {
    pen.strokeStyle = pen.ink
    pen.lineWidth = 1.2
    pen.beginPath()
    for (const corner of lasso.path) pen.lineTo(...corner)
    pen.stroke()
    pen.setLineDash([4, 4])
    pen.beginPath()
    pen.moveTo(...lasso.path.at(-1))
    pen.lineTo(...lasso.path[0])
    pen.stroke()
    pen.setLineDash([])
  }

  const local = (event) => localPoint(cover, event)

  const paneAt = (x, y) => panes.find((pane) => within(pane.box, x, y))

  // In the order of drawing.
  const visible = function* () {
    for (const group of share.look().groups) {
      if (share.hidden.has(group.id)) continue
      for (let i = group.from; i < group.from + group.count; i++) yield i
    }
  }

  const nearest = (x, y) => {
    const pane = paneAt(x, y)
    if (!pane) return null
    const best = nearestSample(visible(), (i) => spotIn(pane, i), x, y)
    return best === null ? null : { index: best, moment: pane.moment, space }
  }

  const enclosed = ({ pane, path }) => enclosedSamples(visible(), (i) => spotIn(pane, i), pane.box, path)

  cover.onpointerdown = (event) => {
    const [x, y] = local(event)
    const pane = paneAt(x, y)
    if (!pane || event.button) return
    try { cover.setPointerCapture(event.pointerId) } catch { /* the pointer is gone already */ }
    drag = { x, y, moved: false }
    if (pane.pair) lasso = { pane, path: [[x, y]] }
  }

  cover.onpointermove = (event) => {
    const [x, y] = local(event)
    if (!drag) return share.hover(nearest(x, y), event)
    if (Math.hypot(x - drag.x, y - drag.y) > 3) drag.moved = true
    if (!drag.moved) return
    share.hover(null)
    if (lasso) {
      lasso.path.push([x, y])
      return share.redraw()
    }
    share.turn(-(x - drag.x) * TURN, (y - drag.y) * TURN)
    drag = { x, y, moved: true }
  }

  cover.onpointerup = (event) => {
    const [x, y] = local(event)
    if (drag?.moved && lasso) share.select(enclosed(lasso), selectionMode(event))
    else if (drag && !drag.moved) {
      const hit = nearest(x, y)
      if (hit) share.select([hit.index], selectionMode(event))
    }
    drag = lasso = null
    share.redraw()
  }

  cover.onpointercancel = () => { drag = lasso = null }
  cover.onpointerleave = () => share.hover(null)

  // Only with a modifier, since a page full of charts could not be scrolled otherwise.
  const wheel = (event) => {
    if (!event.ctrlKey && !event.metaKey) return
    event.preventDefault()
    const [x, y] = local(event)
    const pane = paneAt(x, y)
    if (!pane) return
    const by = Math.exp(event.deltaY * 0.0015)
    if (!pane.pair) return share.approach(by)
    const { box } = pane
    const shares = [(x - box.x) / box.width, 1 - (y - box.y) / box.height]
    pane.zoom.forEach((ends, row) => {
      const [low, high] = ends
      const fixed = low + shares[row] * (high - low)
      const size = Math.min(1, (high - low) * by)
      const next = Math.max(-0.5, Math.min(0.5 - size, fixed - shares[row] * size))
      ends.splice(0, 2, next, next + size)
    })
    share.redraw()
  }
  cover.addEventListener("wheel", wheel, { passive: false })

  cover.ondblclick = () => {
    zooms.splice(0, 3, ...PAIRS.map(WHOLE))
    share.home()
  }

  const KEYS = { ArrowLeft: [0.1, 0], ArrowRight: [-0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] }
  cover.onkeydown = (event) => {
    if (share.flat || !KEYS[event.key]) return
    event.preventDefault()
    share.turn(...KEYS[event.key])
  }

  start()
  return {
    box,
    draw,
    // Places of all samples in a pane and how they were drawn, for whoever checks the picture.
    inspect: () => ({ painter: painter.kind, panes, places, spot: spotIn }),
    take(next, alt) {
      space = next
      heading.textContent = space.title
      cover.setAttribute("role", "img")
      cover.setAttribute("aria-label", alt)
      painter.forget()
      codes = space.values.map((text) => decode(text, Uint16Array))
      drawnLog = null
    },
    values: (moment, index) =>
      space.axes.map((axis, k) => [axis.title, valueOf(axis, codes[moment][3 * index + k])]),
  }
}
