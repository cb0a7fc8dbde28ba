// The viewer: its state, what comes from the server, and what goes back.

const NEAR = 3.1 // of the camera, at which a cube fills its pane
const MODES = () => ({ tool: "pan", overlay: false, trails: true, contours: false, density: null, colour: "group", hidden: new Set() })
const viewers = new WeakMap()
const remembered = new Map() // modes and zooms by the viewer's key: they outlive a change of run or page

export default function (component) {
  return keepInstance(viewers, component, createViewer)
}

function createViewer(root) {
  const board = root.querySelector(".board")
  settleHeight(root)
  const note = board.querySelector(".missing")
  let data = null
  let tell = () => {}
  let memory = null
  let waiting = null
  let revision = null
  let wanted = null // the round that the server asked for last
  let asked = [] // rounds that were reported and will come back
  let sprite = null
  let dead = false
  let refused = false
  let looped = false

  const state = {
    ...MODES(), scene: null, samples: null, position: 0, hiddenClasses: new Set(), chosen: new Set(),
    selected: new Uint8Array(0), any: false, hovered: null, lasso: null, ruler: [], inks: {}, ratio: 1,
    view() {
      const name = `${data.run} ${state.scene.view}`
      if (!memory.views.has(name)) memory.views.set(name, { zoom: WHOLE(), camera: { ...HOME, distance: NEAR } })
      return memory.views.get(name)
    },
    here: () => nearer(momentsAt(state.scene, state.position)),
    // Until somebody says otherwise, where many marks cover each other.
    shaded: () => state.scene.flat && (state.density ?? state.scene.count > SHADED),
    classOf: () => (state.colour === "prediction" ? state.scene.predictionAt(state.here()) : state.samples.label),
    shows(i) {
      if (state.hidden.has(state.samples.group[i])) return false
      return !state.hiddenClasses.size || !state.hiddenClasses.has(state.classOf()[i])
    },
    // What: "marks" (above the points), "round" (panes that follow the scrubber) or everything.
    redraw(what = "all") {
      const rank = { marks: 0, round: 1, all: 2 }
      if (waiting === null) requestAnimationFrame(draw)
      if (waiting === null || rank[what] > rank[waiting]) waiting = what
    },
    // Another order of drawing: something was hidden, shown or selected.
    sorted() {
      chart.sort()
      legend.draw()
      state.redraw()
    },
    set(changes) {
      if ("colour" in changes) state.hiddenClasses.clear()
      if ("tool" in changes && changes.tool !== "ruler") forgetRuler()
      Object.assign(state, changes)
      for (const name of Object.keys(MODES())) memory.modes[name] = state[name]
      chart.above.dataset.tool = state.tool
      state.sorted()
    },
    select(found, mode) {
      const rows = found.map((i) => state.samples.rows[i])
      if (mode === "replace") state.chosen = new Set(rows)
      else for (const row of rows) mode === "add" ? state.chosen.add(row) : state.chosen.delete(row)
      mark()
      const told = [...state.chosen].sort((a, b) => a - b)
      bus.tell(data.run, told, revision)
      // The same samples may be selected again after others were elsewhere: the time makes it news.
      tell("picked", { rows: told, revision, at: Date.now() })
    },
    measure(hit) {
      state.ruler = state.ruler.length === 2 ? [hit] : [...state.ruler, hit]
      if (state.ruler.length === 2) {
        tell("ruler", { rows: state.ruler.map(({ index }) => state.samples.rows[index]), moments: state.ruler.map(({ moment }) => moment) })
      }
      state.redraw("marks")
    },
    hover(hit, event) {
      if (hit?.index !== state.hovered?.index) state.redraw("marks")
      state.hovered = hit
      if (!hit) return card.hide()
      const moments = chart.panes().map(({ at }) => nearer(at))
      if (state.overlay) moments.unshift(state.scene.rounds[0])
      card.show(hit.index, [...new Set(moments)], event)
    },
    home() {
      Object.assign(state.view(), { zoom: WHOLE(), camera: { ...HOME, distance: NEAR } })
      state.redraw()
    },
    tellRound() {
      const { number } = state.scene.moments[state.here()]
      if (state.hiddenClasses.size) state.sorted()
      else if (state.colour === "prediction") legend.draw()
      if (number === (asked.at(-1) ?? wanted)) return
      asked.push(number)
      tell("round", number)
    },
  }

  const card = createCard(board.querySelector(".card"), state)
  const legend = createLegend(board, state)
  const scrubber = createScrubber(board.querySelector(".scrubber"), state)
  const chart = createPanes(board.querySelector(".field"), state)
  if (chart) createPointer(chart, state)

  const bus = selectionBus(({ run, rows, revision: theirs }) => {
    if (!data || run !== data.run || theirs !== revision || !state.samples) return
    state.chosen = new Set(rows)
    mark()
  })

  // The card tells of the rounds that were shown when it came up.
  state.quiet = () => {
    state.hovered = null
    card.hide()
  }

  const forgetRuler = () => {
    if (state.ruler.length === 2) tell("ruler", null)
    state.ruler = []
  }

  // Derives from the chosen rows which of the drawn samples are selected; rows that are not drawn stay chosen.
  const mark = () => {
    state.selected = Uint8Array.from(state.samples.rows, (row) => (state.chosen.has(row) ? 1 : 0))
    state.any = state.selected.includes(1)
    state.sorted()
  }

  const draw = () => {
    const what = waiting
    waiting = null
    if (dead || !state.scene || !board.isConnected) return
    const style = getComputedStyle(board)
    state.ratio = Math.min(window.devicePixelRatio || 1, 2)
    // As the browser mixes it, which a canvas need not be able to.
    const faint = getComputedStyle(board.querySelector(".hint")).color
    state.inks = {
      ink: style.color, rgb: style.color.match(/\d+/g).slice(0, 3).map(Number), family: style.fontFamily,
      faint, guide: faint, grid: style.getPropertyValue("--grid"), ground: style.backgroundColor,
      accent: style.getPropertyValue("--st-primary-color"), referenceInk: state.samples.referenceColour,
    }
    // The browser's own controls follow the theme too.
    const light = style.backgroundColor.match(/\d+/g)?.slice(0, 3).reduce((sum, part) => sum + Number(part), 0) ?? 765
    board.style.colorScheme = light > 382 ? "light" : "dark"
    chart.draw(what)
  }

  // Height for what is on its way.
  const reserve = () => {
    if (state.scene || !data.ahead) return
    const field = board.querySelector(".field")
    field.style.height = `${heightAhead(field.clientWidth, data.ahead)}px`
    scrubber.ahead(data.ahead.rounds)
  }

  const takeScene = (message) => {
    const old = state.scene
    const scene = createScene(message)
    const number = old && old.moments[state.here()].number
    const followed = !old || Math.round(state.position) === old.rounds.length - 1
    if (old && old.view === scene.view) keepZoom(old, scene)
    if (!old) state.scene = scene
    const same = scene.rounds.findIndex((moment) => scene.moments[moment].number === number)
    state.position = old && !followed && same >= 0 ? same : scene.rounds.length - 1
    if (!old) showRound(scene, data.shown)
    state.scene = scene
    state.hovered = null
    forgetRuler()
    card.hide()
    chart.take()
    scrubber.take(scene)
  }

  // The axes of a view grow when a new round goes beyond them; what is shown stays the same part of the data.
  const keepZoom = (old, scene) => {
    for (const [axis, ends] of state.view().zoom.entries()) {
      if (ends[0] === -0.5 && ends[1] === 0.5) continue
      ends.splice(0, 2, ...ends.map((end) => placeOn(scene.axes[axis], old.value(axis, end))))
    }
  }

  const newestOf = (scene) => scene.moments[scene.rounds.at(-1)].number

  const showRound = (scene, number) => {
    const k = scene.rounds.findIndex((moment) => scene.moments[moment].number === number)
    if (k >= 0) state.position = k
  }

  const load = () => {
    if (!data || !chart) return
    const [scene, samples, images] = ["scene", "samples", "sprite"].map((name) => messageOf(data.messages[name]))
    if (!scene || !samples) return
    if (images?.header.stamp !== sprite) {
      sprite = images?.header.stamp
      card.paint(images ?? null)
    }
    const newSamples = samples.header.stamp !== state.samples?.stamp
    const newScene = scene.header.stamp !== state.scene?.stamp
    if (newSamples) state.samples = createSamples(samples)
    const newest = state.scene && newestOf(state.scene)
    if (newScene) takeScene(scene)
    if (newSamples) chart.take()
    if (data.shown !== wanted) {
      const place = asked.indexOf(data.shown)
      // What comes back from the server after a report is no wish of its own, nor is the newest round of a live run.
      if (place >= 0) asked = asked.slice(place + 1)
      else if (wanted !== null && !(wanted === newest && data.shown === newestOf(state.scene))) {
        showRound(state.scene, data.shown)
        scrubber.refresh()
        state.redraw()
      }
      wanted = data.shown
    }
    const elsewhere = data.revision !== revision
    revision = data.revision
    if (elsewhere) state.chosen = new Set(bus.last(data.run, revision) ?? data.selected)
    if (newSamples || newScene || elsewhere) mark()
    chart.above.setAttribute("aria-label", data.alt)
    chart.above.dataset.tool = state.tool
    if (data.autoplay && !looped) scrubber.loop()
    looped = true
    state.redraw()
  }

  board.addEventListener("keydown", (event) => {
    if (event.target.tagName === "SELECT" || event.target.type === "search" || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || !state.scene) return
    if (event.key === "Escape") {
      forgetRuler()
      state.redraw("marks")
    } else if (!scrubber.key(event)) return
    event.preventDefault()
  })

  const watcher = new ResizeObserver(() => state.redraw())
  watcher.observe(board)
  messageBoard().readers.add(load)

  // For whoever checks the picture; without frames until there is one.
  board.inspect = () => ({
    state, ...(state.scene && { number: state.scene.moments[state.here()].number, shares: momentsAt(state.scene, state.position) }),
    ...chart?.inspect(),
  })

  return {
    update(next, setStateValue) {
      data = next
      tell = setStateValue
      if (!remembered.has(data.memory)) remembered.set(data.memory, { modes: MODES(), views: new Map() })
      if (!memory) {
        memory = remembered.get(data.memory)
        Object.assign(state, memory.modes)
      }
      if (!chart) {
        board.classList.add("without")
        note.hidden = false
        if (!refused) tell("drawing", "none")
        refused = true
        return
      }
      reserve()
      load()
    },
    destroy() {
      dead = true
      scrubber.free()
      watcher.disconnect()
      bus.leave()
      messageBoard().readers.delete(load)
      card.paint(null)
      chart?.free()
      viewers.delete(root)
    },
  }
}
