// One panel for each signal: median and middle half of the samples of each group over the rounds, and single samples
// where they are few. Dragging up or down at a round selects the samples between two values.

const PANEL = 196
const TOP = 24
const FOOT = 22
const SIDE = 44
const NARROWEST_PANEL = 205
const MOST_SINGLE = 50
const EDGE = 8
const BESIDE = 30 // px that the reference needs
const REFERENCE = 13 // px from its middle to the edge

const columnsFor = (width, count) => {
  const most = Math.max(1, Math.min(count, Math.floor(width / NARROWEST_PANEL)))
  return most === 3 && count === 4 ? 2 : most
}
const curvesHeight = (width, count) => Math.ceil(count / columnsFor(width, count)) * PANEL

const signed = (value) => String(Number(value.toPrecision(3))).replace("-", "−")

function createCurves(box, state) {
  const canvas = box.querySelector("canvas")
  canvas.setAttribute("role", "img")
  const pen = canvas.getContext("2d", { willReadFrequently: true })
  let panels = []
  let summary = []
  let drag = null

  const layOut = () => {
    const width = box.clientWidth
    const { signals } = state.signals
    const columns = columnsFor(width, signals.length)
    const across = width / columns
    panels = signals.map((signal, k) => ({
      signal, k,
      x: (k % columns) * across + SIDE, y: Math.floor(k / columns) * PANEL + TOP,
      width: across - SIDE - 10, height: PANEL - TOP - FOOT,
    }))
  }

  // Places of the moments from left to right; the reference stands right of the last round.
  const across = ({ x, width }) => {
    const { moments } = state.signals
    const last = Math.max(1, ...moments.map(({ number }) => number ?? 0))
    const room = width - 2 * EDGE - (moments.at(-1).number === null ? BESIDE : 0)
    return moments.map(({ number }) => (number === null ? x + width - REFERENCE : x + EDGE + (number / last) * room))
  }
  const shownValue = (signal, value) => (signal.log ? Math.log10(Math.max(value, 1e-6)) : value)
  const heightOf = (panel, value) => {
    const { low, high } = panel.signal
    return panel.y + (1 - (shownValue(panel.signal, value) - low) / (high - low)) * panel.height
  }
  const valueAt = (panel, y) => {
    const { low, high, log } = panel.signal
    const value = low + (1 - (y - panel.y) / panel.height) * (high - low)
    return log ? 10 ** value : value
  }

  // What is drawn of every group: [group, indices, quartiles by signal and moment].
  const take = () => {
    const { signals } = state
    const shown = state.shown()
    const within = signals.groups.map(() => [])
    for (const i of shown) within[signals.group[i]].push(i)
    summary = within.flatMap((indices, group) => (indices.length ? [{
      group, indices,
      quartiles: signals.signals.map((_, k) => signals.moments.map((_, moment) => signals.quartiles(k, moment, indices))),
    }] : []))
    canvas.setAttribute("aria-label", words())
  }

  const words = () => {
    const { signals } = state
    const last = signals.moments.findLastIndex(({ number }) => number !== null)
    return signals.signals.map(({ title }, k) => {
      const parts = summary.flatMap(({ group, indices, quartiles }) => {
        const [first, then] = [quartiles[k][0], quartiles[k][last]]
        return first && then ? [`${signals.groups[group].title} from ${signed(first[1])} to ${signed(then[1])} (n = ${indices.length})`] : []
      })
      return `${title}, median: ${parts.join("; ") || "not recorded"}.`
    }).join(" ")
  }

  const polyline = (spots) => {
    pen.beginPath()
    spots.forEach((spot) => pen.lineTo(...spot))
    pen.stroke()
  }

  const axes = (panel, xs) => {
    const { signal, x, y, width, height } = panel
    const { moments } = state.signals
    write(signal.title, x, y - 14, "600", "left", pen.ink)
    pen.strokeStyle = pen.grid
    pen.lineWidth = 1
    pen.strokeRect(x + 0.5, y + 0.5, width, height)
    for (const [value, label] of ticks(signal)) {
      const top = y + (1 - (value - signal.low) / (signal.high - signal.low)) * height
      polyline([[x, top], [x + width, top]])
      write(label, x - 5, top, "", "right", pen.faint)
    }
    let free = -Infinity
    moments.forEach(({ number }, k) => {
      const text = number === null ? "Ref." : String(number)
      const half = pen.measureText(text).width / 2
      // The reference is always named; rounds as far as there is room.
      const end = moments.at(-1).number === null && number !== null ? xs.at(-1) - 16 : Infinity
      if (xs[k] - half < free + 6 || xs[k] + half > end) return
      free = xs[k] + half
      write(text, xs[k], y + height + 12, "", "center", pen.faint)
    })
  }

  const write = (text, x, y, weight, align, colour) => {
    pen.font = `${weight} ${weight ? 13 : 12}px ${pen.family}`
    pen.textAlign = align
    pen.textBaseline = "middle"
    pen.fillStyle = colour
    pen.fillText(text, x, y)
  }

  const ticks = ({ low, high, log }) => {
    if (log) return logTicks(low, high, 4)
    return multiples(low, high, niceStep((high - low) / 4)).map((value) => [value, signed(value)])
  }

  const panelOf = (panel) => {
    const { signals } = state
    const xs = across(panel)
    axes(panel, xs)
    pen.save()
    pen.beginPath()
    pen.rect(panel.x, panel.y, panel.width, panel.height)
    pen.clip()
    if (panel.signal.guide !== null) {
      pen.strokeStyle = pen.faint
      pen.setLineDash([2, 3])
      const top = heightOf(panel, panel.signal.guide)
      polyline([[panel.x, top], [panel.x + panel.width, top]])
      pen.setLineDash([])
    }
    const shown = summary.reduce((sum, { indices }) => sum + indices.length, 0)
    const rounds = signals.moments.flatMap(({ number }, k) => (number === null ? [] : [k]))
    for (const { group, indices, quartiles } of summary) {
      const { colour } = signals.groups[group]
      const known = rounds.filter((k) => quartiles[panel.k][k])
      const line = (which) => known.map((k) => [xs[k], heightOf(panel, quartiles[panel.k][k][which])])
      pen.fillStyle = `${colour}29`
      pen.beginPath()
      for (const spot of [...line(0), ...line(2).reverse()]) pen.lineTo(...spot)
      pen.fill()
      if (shown <= MOST_SINGLE) {
        pen.strokeStyle = `${colour}59`
        pen.lineWidth = 1
        for (const i of indices) {
          polyline(rounds.map((k) => [xs[k], signals.value(panel.k, k, i)]).filter(([, value]) => !Number.isNaN(value))
            .map(([x, value]) => [x, heightOf(panel, value)]))
        }
      }
      pen.strokeStyle = pen.fillStyle = colour
      pen.lineWidth = 2.2
      polyline(line(1))
      for (const [x, y] of line(1)) {
        pen.beginPath()
        pen.arc(x, y, 2.5, 0, 7)
        pen.fill()
      }
      signals.moments.forEach(({ number }, k) => {
        const found = quartiles[panel.k][k]
        if (number !== null || !found) return
        const [low, middle, high] = found.map((value) => heightOf(panel, value))
        pen.lineWidth = 1.5
        polyline([[xs[k], low], [xs[k], high]])
        pen.fillStyle = pen.ground
        pen.fillRect(xs[k] - 4, middle - 4, 8, 8)
        pen.strokeRect(xs[k] - 4, middle - 4, 8, 8)
      })
    }
    if (drag?.panel === panel) {
      pen.fillStyle = `color-mix(in srgb, ${pen.accent} 25%, transparent)`
      pen.strokeStyle = pen.accent
      pen.lineWidth = 1.5
      pen.fillRect(xs[drag.moment] - 6, Math.min(drag.from, drag.to), 12, Math.abs(drag.to - drag.from))
      pen.strokeRect(xs[drag.moment] - 6, Math.min(drag.from, drag.to), 12, Math.abs(drag.to - drag.from))
    }
    pen.restore()
  }

  const draw = () => {
    const width = box.clientWidth
    if (!state.signals || !width) return
    const height = curvesHeight(width, state.signals.signals.length)
    box.style.height = `${height}px`
    const ratio = Math.min(window.devicePixelRatio || 1, 2)
    canvas.width = Math.round(width * ratio)
    canvas.height = Math.round(height * ratio)
    Object.assign(pen, state.inks(), { textRendering: "geometricPrecision" })
    pen.setTransform(ratio, 0, 0, ratio, 0, 0)
    layOut()
    for (const panel of panels) panelOf(panel)
  }

  const hit = (event) => {
    const [x, y] = localPoint(canvas, event)
    const panel = panels.find((one) => x >= one.x - SIDE && x <= one.x + one.width + 6 && y >= one.y - TOP && y <= one.y + one.height + FOOT)
    if (!panel) return null
    const xs = across(panel)
    const moment = xs.reduce((best, at, k) => (Math.abs(at - x) < Math.abs(xs[best] - x) ? k : best), 0)
    return { panel, moment, y: Math.max(panel.y, Math.min(panel.y + panel.height, y)) }
  }

  const tell = ({ panel, moment }) => {
    const { signals } = state
    const parts = summary.flatMap(({ group, indices, quartiles }) => {
      const found = quartiles[panel.k][moment]
      return found ? [`${signals.groups[group].title} median ${signed(found[1])}, middle half ${signed(found[0])} to ${signed(found[2])}, n = ${indices.length.toLocaleString("en")}`] : []
    })
    const { number } = signals.moments[moment]
    state.say(`${panel.signal.axis}, ${number === null ? "retrained model" : `round ${number}`}: ${parts.join("; ") || "not recorded"}`)
  }

  canvas.onpointerdown = (event) => {
    const at = hit(event)
    if (!at || event.button) return
    try { canvas.setPointerCapture(event.pointerId) } catch { /* the pointer is gone already */ }
    drag = { panel: at.panel, moment: at.moment, from: at.y, to: at.y }
  }
  canvas.onpointermove = (event) => {
    const at = hit(event)
    if (at) tell(drag ? { panel: drag.panel, moment: drag.moment } : at)
    else if (!drag) state.say("")
    if (!drag) return
    const { y } = drag.panel
    drag.to = Math.max(y, Math.min(y + drag.panel.height, localPoint(canvas, event)[1]))
    draw()
  }
  canvas.onpointerup = (event) => {
    const done = drag
    drag = null
    if (!done) return
    if (Math.abs(done.to - done.from) > 3) {
      const [high, low] = [Math.min(done.from, done.to), Math.max(done.from, done.to)].map((y) => valueAt(done.panel, y))
      const mode = selectionMode(event)
      // What is added comes from all samples; else the selection is narrowed.
      const among = mode === "add" ? [...Array(state.signals.count).keys()] : state.shown()
      state.select(among.filter((i) => {
        const value = state.signals.value(done.panel.k, done.moment, i)
        return value >= low && value <= high
      }), mode)
    } else draw()
  }
  canvas.onpointercancel = () => { drag = null }
  canvas.onpointerleave = () => { if (!drag) state.say("") }

  return { take, draw, inspect: () => ({ summary, panels, heightOf, across }) }
}
