// Moving through the rounds: slider, play and keys. Between two rounds the points are interpolated, and the label says
// so; whoever lets go stands at a real round.

const ROUND_MS = 900 // of playback, per round
const LOOP_MS = 1300 // the same where it plays by itself
const PAUSE_ROUNDS = 2 // for which it then rests at the end
const LOOPS = 20 // nobody watches longer
const REST = 0.3 // of it without motion
const MOST_TICKS = 16
const calm = window.matchMedia("(prefers-reduced-motion: reduce)")

function createScrubber(root, state) {
  const play = root.appendChild(element("button", "play", "▶ Play"))
  const track = root.appendChild(element("div", "track"))
  const slider = track.appendChild(element("input"))
  const ticks = track.appendChild(element("div", "ticks"))
  const label = root.appendChild(element("span", "round"))
  Object.assign(slider, { type: "range", min: 0, step: "any" })
  slider.setAttribute("aria-label", "Round")
  let playing = null
  let last = 0

  const refresh = () => {
    slider.value = state.position
    label.textContent = positionTitle(state.scene, momentsAt(state.scene, state.position))
    slider.setAttribute("aria-valuetext", label.textContent)
    for (const [k, tick] of [...ticks.children].entries()) tick.classList.toggle("here", k === state.position)
  }

  const go = (position) => {
    if (position === state.position) return refresh()
    state.position = position
    state.quiet()
    refresh()
    state.redraw("round")
  }

  const settle = () => {
    go(Math.round(state.position))
    state.tellRound()
  }

  const stop = () => {
    if (playing === null) return
    cancelAnimationFrame(playing)
    playing = null
    play.textContent = "▶ Play"
    settle()
  }

  const start = () => {
    const from = state.position >= last ? 0 : Math.round(state.position)
    const begin = performance.now()
    play.textContent = "❚❚ Pause"
    const step = (now) => {
      const gone = Math.max(0, now - begin) / ROUND_MS
      const share = calm.matches ? 0 : Math.max(0, (gone % 1) - REST) / (1 - REST)
      const position = from + Math.floor(gone) + share
      if (position >= last) {
        go(last)
        return stop()
      }
      playing = requestAnimationFrame(step)
      go(position)
    }
    playing = requestAnimationFrame(step)
  }

  const toggle = () => (playing === null ? start() : stop())

  // Plays again and again, until somebody takes over; the server does not hear of the rounds. Who points at a sample can
  // read its card: the film waits at the next round while the pointer is on the viewer.
  const loop = () => {
    if (playing !== null || calm.matches || last < 1) return
    play.textContent = "❚❚ Pause"
    const board = root.closest(".board")
    let begin = performance.now()
    let before = begin
    const step = (now) => {
      const gone = Math.max(0, now - begin) / LOOP_MS
      const round = gone % (last + PAUSE_ROUNDS)
      const rests = round >= last || round % 1 < REST
      if (rests && board.matches(":hover")) begin += now - before
      before = now
      if (gone >= LOOPS * (last + PAUSE_ROUNDS)) return stop()
      playing = requestAnimationFrame(step)
      go(round >= last ? last : Math.floor(round) + Math.max(0, (round % 1) - REST) / (1 - REST))
    }
    playing = requestAnimationFrame(step)
  }

  // Keys are reported together, once they rest.
  let resting = null
  const jump = (position) => {
    stop()
    go(Math.max(0, Math.min(last, position)))
    clearTimeout(resting)
    resting = setTimeout(state.tellRound, 400)
  }

  play.onclick = toggle
  slider.oninput = () => {
    if (playing !== null) {
      const wanted = Number(slider.value)
      stop()
      slider.value = wanted
    }
    go(Number(slider.value))
  }
  slider.onchange = settle

  const KEYS = {
    ArrowLeft: () => jump(Math.round(state.position) - 1),
    ArrowRight: () => jump(Math.round(state.position) + 1),
    Home: () => jump(0),
    End: () => jump(last),
  }

  return {
    refresh, go, stop, loop,
    key(event) {
      if (KEYS[event.key]) KEYS[event.key]()
      else if (event.key === " " && event.composedPath()[0].tagName !== "BUTTON") toggle()
      else return false
      return true
    },
    // Before a scene is there: whether it will have rounds to move through.
    ahead: (rounds) => { root.hidden = rounds < 2 },
    // Lays out the slider for the rounds of a scene.
    take(scene) {
      last = scene.rounds.length - 1
      root.hidden = last < 1
      slider.max = last
      const every = Math.ceil(scene.rounds.length / MOST_TICKS)
      ticks.replaceChildren(...scene.rounds.map((moment, k) => {
        const named = k % every === 0 || k === last
        const tick = element("span", named ? "tick named" : "tick", named ? String(scene.moments[moment].number) : "")
        tick.style.left = `${(100 * k) / Math.max(last, 1)}%`
        tick.onclick = () => { jump(k) }
        return tick
      }))
      refresh()
    },
    free() {
      if (playing !== null) cancelAnimationFrame(playing)
      clearTimeout(resting)
    },
  }
}
