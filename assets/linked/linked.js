// What is linked to the selection: pictures and curves of the samples that are selected anywhere on the page, or of all
// forget samples. It hears of a selection from the viewer at once, and tells it of its own.

const boards = new WeakMap()

export default function (component) {
  return keepInstance(boards, component, createLinked)
}

function createLinked(root) {
  const [board, what, strip, box, readout] = [".linked", ".what", ".strip", ".curves", ".readout"].map((name) => root.querySelector(name))
  settleHeight(root)
  let data = null
  let tell = () => {}
  let revision = null
  let sprite = null
  let waiting = false
  let dead = false
  let drawnAt = 0

  const state = {
    signals: null, places: null, chosen: new Set(),
    // Samples that are drawn: the selected ones, else all that are to be forgotten.
    shown() {
      const { group, count } = state.signals
      const found = []
      for (let i = 0; i < count; i++) if (state.chosen.size ? state.chosen.has(i) : group[i] === 0) found.push(i)
      return found
    },
    inks() {
      const style = getComputedStyle(board)
      return {
        ink: style.color, ground: style.backgroundColor, family: style.fontFamily, faint: getComputedStyle(readout).color,
        grid: style.getPropertyValue("--grid"), accent: style.getPropertyValue("--st-primary-color"),
      }
    },
    say: (text) => { readout.textContent = text },
    select(found, mode) {
      if (mode === "replace") state.chosen = new Set(found)
      else for (const i of found) mode === "add" ? state.chosen.add(i) : state.chosen.delete(i)
      const told = [...state.chosen].sort((a, b) => a - b)
      bus.tell(data.run, told, revision)
      tell("picked", { rows: told, revision, at: Date.now() })
      light()
    },
  }

  const curves = createCurves(box, state)
  const pictures = createPictures(strip, state)

  const bus = selectionBus(({ run, rows, revision: theirs }) => {
    if (!data || run !== data.run || theirs !== revision || !state.signals) return
    state.chosen = new Set(rows)
    light()
  })

  const light = () => {
    const { signals } = state
    const counts = signals.groups.map(() => 0)
    const shown = state.shown()
    for (const i of shown) counts[signals.group[i]]++
    const listed = signals.groups.flatMap(({ title }, group) => (counts[group] ? [`${counts[group].toLocaleString("en")} ${title.toLowerCase()}`] : []))
    const many = `${shown.length.toLocaleString("en")} ${state.chosen.size ? "selected" : "forget"} sample${shown.length === 1 ? "" : "s"}`
    what.replaceChildren(state.chosen.size ? many : `All ${many}`, element("span", "",
      state.chosen.size ? `: ${listed.join(", ")}` : "; select some in any picture and everything here follows"))
    curves.take()
    redraw()
  }

  const redraw = () => {
    if (waiting) return
    waiting = true
    requestAnimationFrame(() => {
      waiting = false
      if (dead || !state.signals || !board.isConnected) return
      curves.draw()
      pictures.draw()
      drawnAt = performance.now()
    })
  }

  const load = () => {
    if (!data) return
    const [signals, samples, images] = ["signals", "samples", "sprite"].map((name) => messageOf(data.messages[name]))
    if (!signals) return
    if (images?.header.stamp !== sprite) {
      sprite = images?.header.stamp
      pictures.paint(images ?? null)
    }
    if (samples) state.places = new Map([...part(samples, "row", Int32Array)].map((row, place) => [row, place]))
    if (signals.header.stamp !== state.signals?.stamp) state.signals = createSignals(signals)
    const elsewhere = data.revision !== revision
    revision = data.revision
    if (elsewhere) state.chosen = new Set(bus.last(data.run, revision) ?? data.selected)
    light()
  }

  const watcher = new ResizeObserver(redraw)
  watcher.observe(board)
  messageBoard().readers.add(load)

  // For whoever checks what is lit.
  board.linked = () => ({ state, drawnAt, ...curves.inspect() })

  return {
    update(next, setStateValue) {
      data = next
      tell = setStateValue
      strip.hidden = !next.ahead.pictures
      if (!state.signals) box.style.height = `${curvesHeight(box.clientWidth, next.ahead.signals)}px`
      load()
    },
    destroy() {
      dead = true
      watcher.disconnect()
      bus.leave()
      messageBoard().readers.delete(load)
      pictures.paint(null)
      boards.delete(root)
    },
  }
}
