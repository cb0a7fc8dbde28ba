// The whole: legend, scrubber, card, and the state that all spaces share.

const FRAME_MS = 700
const SIDE = 96
const views = new WeakMap()

function element(tag, name = "", text = "") {
  const made = document.createElement(tag)
  made.className = name
  made.textContent = text
  return made
}

export default function (component) {
  const { data, parentElement, setStateValue } = component
  const view = views.get(parentElement) ?? create(parentElement)
  views.set(parentElement, view)
  view.update(data, (rows) => setStateValue("selected", { rows, revision: data.revision }))
  return view.destroy
}

function create(root) {
  const board = root.querySelector(".board")
  const [legend, charts, card] = [".legend", ".charts", ".card"].map((name) => root.querySelector(name))
  const [scrubber, slider, play, clear] = [".scrubber", "input", ".play", ".clear"].map((name) => root.querySelector(name))
  const [round, note] = [".round", ".note"].map((name) => root.querySelector(name))
  const image = card.querySelector(".image")
  const text = card.querySelector(".text")
  let data = null
  let report = () => {}
  let stamp = null
  let run = null
  let picture = null
  let waiting = false
  let playing = null
  let drawn = []
  let rounds = [] // places of the rounds among the moments
  let shown = 0
  let rows = null
  let sample = null
  let who = null
  let predicted = []
  let revision = null
  let undrawn = [] // selected rows that are not among the drawn ones

  const share = {
    camera: { ...HOME }, hidden: new Set(), hovered: null, flat: false, log: true, groups: [], inks: {}, ratio: 1,
    webgl: Boolean(element("canvas").getContext("webgl2")),
    selected: new Uint8Array(0),
    moments() {
      const panes = [0, ...(rounds.length > 1 ? [shown] : []), ...(data.reference === null ? [] : [data.reference])]
      const kind = (index) => (index === data.reference ? "reference" : index === 0 ? "before" : "round")
      // The same round may stand in two panes, but "before" is hollow only in its own.
      return panes.map((index, k) => ({ index, title: data.moments[index], kind: k === 1 && index === 0 ? "round" : kind(index) }))
    },
    look() {
      const total = share.groups.reduce((sum, group) => sum + group.count, 0)
      return {
        groups: [...share.groups].reverse(), hidden: share.hidden, selected: share.selected,
        any: share.selected.includes(1), ratio: share.ratio, size: total <= 1000 ? 9 : total <= 4000 ? 7 : 5.5,
      }
    },
    redraw() {
      if (waiting) return
      waiting = true
      requestAnimationFrame(() => {
        waiting = false
        draw()
      })
    },
    turn(azimuth, elevation) {
      turnCamera(share.camera, azimuth, elevation)
      share.redraw()
    },
    approach(by) {
      moveCamera(share.camera, by)
      share.redraw()
    },
    home() {
      Object.assign(share.camera, HOME)
      share.redraw()
    },
    select(found, mode) {
      const next = mode === "replace" ? new Uint8Array(share.selected.length) : share.selected.slice()
      for (const i of found) next[i] = mode === "remove" ? 0 : 1
      if (mode === "replace") undrawn = []
      choose(next)
    },
    hover(hit, event) {
      if (hit?.index !== share.hovered) share.redraw()
      share.hovered = hit ? hit.index : null
      hit ? showCard(hit, event) : (card.hidden = true)
    },
  }

  const choose = (next) => {
    share.selected = next
    share.redraw()
    report([...next.keys()].filter((i) => next[i]).map((i) => rows[i]).concat(undrawn))
  }

  // Takes over what was selected elsewhere.
  const adopt = () => {
    const chosen = new Set(data.selected)
    share.selected = Uint8Array.from(rows, (row) => (chosen.delete(row) ? 1 : 0))
    undrawn = [...chosen]
    revision = data.revision
  }

  const draw = () => {
    if (!data || !board.isConnected) return
    const style = getComputedStyle(board)
    share.ratio = Math.min(window.devicePixelRatio || 1, 2)
    share.inks = {
      ink: style.color, faint: style.getPropertyValue("--faint"), grid: style.getPropertyValue("--grid"),
      family: style.fontFamily, referenceInk: data.reference_colour,
    }
    for (const chart of drawn) chart.draw()
    clear.disabled = !share.selected.includes(1) && !undrawn.length
  }

  const line = (bold, rest) => {
    const row = element("div")
    row.append(element("b", "", bold), rest)
    return row
  }

  const showCard = ({ index, moment, space }, event) => {
    const group = share.groups.find(({ from, count }) => index >= from && index < from + count)
    const name = (label) => data.classes[label] ?? String(label)
    const label = name(who.label[index])
    const truth = name(who.truth[index])
    const place = drawn[data.spaces.indexOf(space)]
    text.replaceChildren(
      line(`${group.title} · ${who.test[index] ? "test" : "train"} sample ${sample[index]}`, ""),
      ...(data.names[index] ? [line("", data.names[index])] : []),
      line("", label === truth ? `class ${label}` : `labelled ${label}, truly ${truth}`),
      ...place.values(moment, index).map(([title, value]) => line("", `${title}: ${Number(value.toPrecision(3))}`)),
      ...share.moments().map(({ index: k, title }) => line(`${title}: `, `predicted ${name(predicted[k][index])}`)),
    )
    if (picture) {
      image.dataset.row = index
      image.style.backgroundPosition = `${-(index % data.columns) * SIDE}px ${-Math.floor(index / data.columns) * SIDE}px`
    }
    card.hidden = false
    const size = card.getBoundingClientRect()
    const left = event.clientX + 16 + size.width < window.innerWidth ? event.clientX + 16 : event.clientX - 16 - size.width
    const top = Math.min(event.clientY + 14, window.innerHeight - size.height - 8)
    card.style.left = `${Math.max(8, left)}px`
    card.style.top = `${Math.max(8, top)}px`
  }

  const go = (place) => {
    shown = rounds[place]
    slider.value = place
    round.textContent = data.moments[shown]
    slider.setAttribute("aria-valuetext", data.moments[shown])
    share.redraw()
  }

  const stop = () => {
    clearInterval(playing)
    playing = null
    play.textContent = "Play"
  }

  const step = () => {
    const next = rounds.indexOf(shown) + 1
    if (next >= rounds.length) return stop()
    go(next)
  }

  slider.oninput = () => { stop(); go(Number(slider.value)) }
  play.onclick = () => {
    if (playing) return stop()
    if (shown === rounds.at(-1)) go(0)
    playing = setInterval(step, FRAME_MS)
    play.textContent = "Pause"
  }
  clear.onclick = () => {
    undrawn = []
    choose(new Uint8Array(share.selected.length))
  }

  const drawLegend = () => {
    const focused = legend.getRootNode().activeElement?.dataset.group
    legend.replaceChildren(
      ...share.groups.filter((group) => group.count).map((group) => {
        const key = element("button", "key")
        key.dataset.group = group.id
        const sign = element("span", "sign", { x: "✕", circle: "●", diamond: "◆" }[group.symbol])
        sign.style.color = group.colour
        const name = element("span", "name")
        name.textContent = `${group.title} (n = ${group.count.toLocaleString("en")})`
        key.append(sign, " ", name)
        if (share.hidden.has(group.id)) {
          const show = element("span", "show")
          show.textContent = "show"
          key.append(" ", show)
        }
        key.setAttribute("aria-pressed", String(!share.hidden.has(group.id)))
        key.onclick = () => {
          share.hidden.has(group.id) ? share.hidden.delete(group.id) : share.hidden.add(group.id)
          drawLegend()
          share.redraw()
        }
        return key
      }),
    )
    // The key that was pressed keeps the keyboard, although it is made anew.
    if (focused) [...legend.children].find((key) => key.dataset.group === focused)?.focus({ preventScroll: true })
  }

  const paint = (png) => {
    if (picture) URL.revokeObjectURL(picture)
    picture = png ? URL.createObjectURL(new Blob([bytes(png)], { type: "image/png" })) : null
    image.hidden = !picture
    image.style.backgroundImage = picture ? `url(${picture})` : ""
    image.style.backgroundSize = `${data.columns * SIDE}px auto`
  }

  const load = () => {
    let from = 0
    const first = share.groups.length === 0
    share.groups = data.groups.map((group) => ({ ...group, from: (from += group.count) - group.count }))
    // The cloud of retain samples would hide the others.
    if (first) for (const group of share.groups) if (group.id === "retain") share.hidden.add("retain")
    rows = decode(data.rows, Int32Array)
    sample = decode(data.sample, Int32Array)
    who = { test: decode(data.test, Uint8Array), label: decode(data.label, Int16Array), truth: decode(data.truth, Int16Array) }
    predicted = data.predicted.map((moment) => decode(moment, Int16Array))
    adopt()
    share.hovered = null
    card.hidden = true
    // Who looks at an earlier round stays there when another arrives; who looks at the newest follows.
    const [same, follows, before] = [data.run === run, shown === rounds.at(-1), rounds.indexOf(shown)]
    run = data.run
    rounds = data.moments.map((_, k) => k).filter((k) => k !== data.reference)
    scrubber.hidden = rounds.length < 2
    slider.max = rounds.length - 1
    for (const chart of drawn.splice(data.spaces.length)) chart.box.remove()
    while (drawn.length < data.spaces.length) drawn.push(createChart(charts, share))
    data.spaces.forEach((space, k) => drawn[k].take(space, data.alt))
    paint(data.png)
    drawLegend()
    const place = !same ? rounds.indexOf(data.shown) : follows ? rounds.length - 1 : Math.min(before, rounds.length - 1)
    go(Math.max(0, place))
  }

  const watcher = new ResizeObserver(share.redraw)
  watcher.observe(board)
  // Light and dark arrive as other values of the same variables.
  const themed = setInterval(() => {
    const ink = getComputedStyle(board).color
    if (share.inks.ink && ink !== share.inks.ink) share.redraw()
  }, 500)

  board.inspect = () => ({ share, charts: drawn.map((chart) => chart.inspect()), shown: data.moments[shown] })

  return {
    update(next, tell) {
      report = tell
      data = next
      share.log = next.log
      share.flat = next.flat || !share.webgl
      note.hidden = share.webgl || next.flat
      if (next.stamp !== stamp) load()
      else if (next.revision !== revision) adopt()
      stamp = next.stamp
      share.redraw()
    },
    destroy() {
      stop()
      clearInterval(themed)
      watcher.disconnect()
      if (picture) URL.revokeObjectURL(picture)
      views.delete(root)
    },
  }
}
