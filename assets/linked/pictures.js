// Pictures of the shown samples, each with its number and a frame in its group's colour; a click selects.

const MOST_PICTURES = 120
const PICTURE = 44

function createPictures(strip, state) {
  let picture = null
  let columns = 1
  let drawn = "" // what the strip shows

  const tile = (i, place) => {
    const { signals } = state
    const group = signals.groups[signals.group[i]]
    const number = `${signals.test[i] ? "t" : ""}${signals.sample[i]}`
    const made = element("button", "tile")
    made.title = `${group.title}, ${signals.test[i] ? "test" : "train"} sample ${signals.sample[i]}: click to select it alone, Alt to take it out`
    made.setAttribute("aria-label", `${group.title}, ${signals.test[i] ? "test" : "train"} sample ${signals.sample[i]}`)
    const image = made.appendChild(element("i"))
    image.style.borderColor = group.colour
    image.style.backgroundImage = `url(${picture})`
    image.style.backgroundSize = `${columns * PICTURE}px auto`
    image.style.backgroundPosition = `${-(place % columns) * PICTURE}px ${-Math.floor(place / columns) * PICTURE}px`
    made.append(number)
    made.onclick = (event) => state.select([i], selectionMode(event))
    return made
  }

  // One stop for the tab key; arrow keys go from picture to picture.
  const STEPS = { ArrowLeft: -1, ArrowRight: 1 }
  strip.onkeydown = (event) => {
    const tiles = [...strip.children]
    const next = tiles[tiles.indexOf(event.target) + STEPS[event.key]]
    if (!next) return
    event.preventDefault()
    for (const one of tiles) one.tabIndex = one === next ? 0 : -1
    next.focus()
  }

  return {
    draw() {
      const found = []
      for (const i of picture && state.places ? state.shown() : []) {
        const place = state.places.get(i)
        if (place !== undefined) found.push([i, place])
        if (found.length === MOST_PICTURES) break
      }
      // What is the same already keeps its place and the keyboard.
      const now = JSON.stringify([picture, columns, found, state.signals?.sample.length])
      if (now === drawn) return
      drawn = now
      const focused = strip.getRootNode().activeElement?.getAttribute("aria-label")
      const held = strip.contains(strip.getRootNode().activeElement)
      const tiles = found.map(([i, place]) => tile(i, place))
      const first = tiles.find((one) => held && one.getAttribute("aria-label") === focused) ?? tiles[0]
      for (const one of tiles) one.tabIndex = one === first ? 0 : -1
      strip.replaceChildren(...tiles)
      strip.scrollTop = 0
      if (held) first?.focus({ preventScroll: true })
    },
    // Takes the images of all drawn samples in one picture, or null.
    paint(message) {
      if (picture) URL.revokeObjectURL(picture)
      picture = message ? URL.createObjectURL(new Blob([part(message, "png", Uint8Array)], { type: "image/png" })) : null
      columns = message?.header.columns ?? 1
    },
  }
}
