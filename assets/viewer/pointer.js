// What the pointer does: pan or turn, zoom, point at samples, select them by click or lasso, and measure.

const CLOSEST = 0.01 // of an axis

function createPointer(chart, state) {
  const { above } = chart
  let drag = null

  const local = (event) => localPoint(above, event)
  const paneAt = (x, y) => chart.panes().find(({ box }) => within(box, x, y))

  const nearest = (x, y) => {
    const pane = paneAt(x, y)
    if (!pane) return null
    const best = nearestSample(chart.order(), (i) => chart.spot(pane, i), x, y)
    return best === null ? null : { index: best, moment: nearer(pane.at) }
  }

  const enclosed = ({ pane, path }) => enclosedSamples(chart.order(), (i) => chart.spot(pane, i), pane.box, path)

  const pan = (pane, dx, dy) => {
    const shift = [-dx / pane.box.width, dy / pane.box.height].map((share, row) => share * (pane.zoom[row][1] - pane.zoom[row][0]))
    state.view().zoom.forEach((ends, row) => {
      const middle = (ends[0] + ends[1]) / 2
      const by = Math.max(-0.5, Math.min(0.5, middle + shift[row])) - middle
      ends.splice(0, 2, ends[0] + by, ends[1] + by)
    })
    state.redraw()
  }

  const turn = (azimuth, elevation) => {
    turnCamera(state.view().camera, azimuth, elevation)
    state.redraw()
  }

  const zoom = (pane, by, shares = [0.5, 0.5]) => {
    const view = state.view()
    if (!state.scene.flat) {
      moveCamera(view.camera, by)
      return state.redraw()
    }
    const size = Math.max(...view.zoom.map(([low, high]) => high - low))
    const most = Math.max(CLOSEST / size, Math.min(1 / size, by))
    view.zoom.forEach((ends, row) => {
      const fixed = pane.zoom[row][0] + shares[row] * (pane.zoom[row][1] - pane.zoom[row][0])
      const [low, high] = ends.map((end) => fixed + (end - fixed) * most)
      const middle = Math.max(-0.5, Math.min(0.5, (low + high) / 2))
      // The whole axis lies in the middle, however it was reached.
      const whole = high - low > 0.999
      ends.splice(0, 2, ...(whole ? [-0.5, 0.5] : [middle - (high - low) / 2, middle + (high - low) / 2]))
    })
    state.redraw()
  }

  above.onpointerdown = (event) => {
    const [x, y] = local(event)
    const pane = paneAt(x, y)
    if (!pane || event.button) return
    above.focus({ preventScroll: true })
    try { above.setPointerCapture(event.pointerId) } catch { /* the pointer is gone already */ }
    drag = { pane, x, y, from: [x, y], moved: false }
  }

  above.onpointermove = (event) => {
    const [x, y] = local(event)
    if (!drag) return state.hover(nearest(x, y), event)
    if (Math.hypot(x - drag.from[0], y - drag.from[1]) > 3) drag.moved = true
    if (!drag.moved) return
    state.hover(null)
    if (state.tool === "lasso") {
      state.lasso ??= { pane: drag.pane, path: [drag.from] }
      state.lasso.path.push([x, y])
      return state.redraw("marks")
    }
    if (state.scene.flat) pan(drag.pane, x - drag.x, y - drag.y)
    else turn(-(x - drag.x) * TURN, (y - drag.y) * TURN)
    Object.assign(drag, { x, y })
  }

  above.onpointerup = (event) => {
    const [x, y] = local(event)
    if (state.lasso) state.select(enclosed(state.lasso), selectionMode(event))
    else if (drag && !drag.moved) {
      const hit = nearest(x, y)
      if (hit && state.tool === "ruler") state.measure(hit)
      else if (hit) state.select([hit.index], selectionMode(event))
    }
    drag = state.lasso = null
    state.redraw("marks")
  }

  above.onpointercancel = () => { drag = state.lasso = null }
  above.onpointerleave = () => state.hover(null)

  above.ondblclick = (event) => {
    if (state.any && !nearest(...local(event))) state.select([], "replace")
  }

  // A page must stay scrollable: the wheel zooms with a modifier, or once the viewer was clicked.
  above.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey && !above.matches(":focus")) return
    const [x, y] = local(event)
    const pane = paneAt(x, y)
    if (!pane) return
    event.preventDefault()
    zoom(pane, Math.exp(event.deltaY * 0.0015), [(x - pane.box.x) / pane.box.width, 1 - (y - pane.box.y) / pane.box.height])
  }, { passive: false })

  const KEYS = { ArrowLeft: [0.1, 0], ArrowRight: [-0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] }
  const ZOOMS = { "+": 0.8, "=": 0.8, "-": 1.25 }
  above.onkeydown = (event) => {
    const pane = chart.panes()[0]
    if (ZOOMS[event.key]) zoom(pane, ZOOMS[event.key])
    else if (event.shiftKey && KEYS[event.key] && !state.scene.flat) turn(...KEYS[event.key])
    else if (event.shiftKey && KEYS[event.key]) pan(pane, ...KEYS[event.key].map((share) => share * 400))
    else return
    event.preventDefault()
    event.stopPropagation()
  }
}
