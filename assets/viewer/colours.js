// Colour of every mark: by group, by class, or by a number on a ramp.

const CLASSES = [
  "#4E79A7", "#F28E2B", "#59A14F", "#E15759", "#B07AA1", "#9C755F", "#76B7B2", "#D4A017", "#FF7FA7", "#7F8C8D",
  "#2F9E9E", "#A0CBE8", "#8CD17D", "#C0392B", "#6C5CE7", "#B6992D", "#D37295", "#499894", "#C49C94", "#5F6B8A",
]
const MOST_CLASSES = CLASSES.length
const GREY = [138, 143, 152]
// Signed numbers leave grey at 0 to either side; the others start at grey.
const BELOW = [200, 40, 60]
const ABOVE = [30, 120, 210]
const RAMPS = {
  boundary: { title: "Distance to the boundary", signed: true },
  loss: { title: "Loss", signed: false },
  cosine: { title: "Cosine to round 0", signed: false },
}
const BY = { group: "Group", label: "Label", prediction: "Predicted class", ...Object.fromEntries(Object.entries(RAMPS).map(([by, { title }]) => [by, title])) }

const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16))
const css = ([red, green, blue], opacity = 1) => `rgba(${red}, ${green}, ${blue}, ${opacity})`
const classColour = (label) => rgb(CLASSES[label % CLASSES.length])
const between = (from, to, share) => from.map((value, k) => Math.round(value + share * (to[k] - value)))

// Ends of the ramp of a measure as they are shown; null where nothing was recorded.
function rampEnds(by, samples) {
  const range = samples.range(by)
  if (!range) return null
  if (RAMPS[by].signed) {
    const far = Math.max(Math.abs(range[0]), Math.abs(range[1])) || 1
    return [-far, far]
  }
  return [range[0], range[1] > range[0] ? range[1] : range[0] + 1]
}

function rampColour(by, [low, high], value) {
  const share = Math.max(0, Math.min(1, (value - low) / (high - low)))
  if (!RAMPS[by].signed) return between(GREY, by === "loss" ? BELOW : ABOVE, share)
  return share < 0.5 ? between(BELOW, GREY, 2 * share) : between(GREY, ABOVE, 2 * share - 1)
}

// (n, 4) bytes; what is not known stays grey and faint.
function coloursOf(by, scene, samples, moment) {
  const colours = new Uint8Array(4 * scene.count)
  const put = (i, colour, opacity = 255) => {
    colours.set(colour, 4 * i)
    colours[4 * i + 3] = opacity
  }
  if (by === "group") {
    const known = samples.groups.map(({ colour }) => rgb(colour))
    for (let i = 0; i < scene.count; i++) put(i, known[samples.group[i]])
  } else if (by === "label" || by === "prediction") {
    const classes = by === "label" ? samples.label : scene.predictionAt(moment)
    const unknown = by === "label" ? -1 : scene.unknown
    for (let i = 0; i < scene.count; i++) classes[i] === unknown ? put(i, GREY, 120) : put(i, classColour(classes[i]))
  } else {
    const ends = rampEnds(by, samples)
    const { key } = scene.moments[moment]
    for (let i = 0; i < scene.count; i++) {
      const value = ends ? samples.value(by, key, i) : NaN
      Number.isNaN(value) ? put(i, GREY, 120) : put(i, rampColour(by, ends, value))
    }
  }
  return colours
}

// Whether the colours of a moment differ from those of another one.
const changesOverRounds = (by) => by !== "group" && by !== "label"
