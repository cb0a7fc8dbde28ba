// How dense the samples lie: histograms along the axes, shades of where they pile up, and outlines of where a class is.

const BINS = 36
const GRID_SIDE = 72
const SPREAD = 1.8 // cells, of a class with many samples
const NARROWEST_SPREAD = 0.9
const MANY = 150
const FEWEST = 15 // samples of a class that is outlined
const LEVEL = 0.22 // of a class's highest density
const SHADED = 1000 // more samples than these cover each other, so that shades are shown unless somebody says otherwise
const SHADE = 0.42 // opacity where most samples lie

// Samples of each group in every bin of one axis, as [group, counts], for the part of the axis that is shown. A sample
// counts on an axis on which it is known, also where it is not drawn because it is missing on the other one.
function marginals(scene, samples, at, axis, [low, high], shows, counted = () => true) {
  const counts = samples.groups.map(() => new Float32Array(BINS))
  const [a, b] = [scene.codesAt(at.from), scene.codesAt(at.to)]
  const scale = BINS / (high - low)
  for (let i = 0, k = axis; i < scene.count; i++, k += scene.size) {
    if (a[k] === EMPTY || b[k] === EMPTY || !counted(i)) continue
    const bin = Math.floor((codePlace(a[k] + at.share * (b[k] - a[k])) - low) * scale)
    if (bin >= 0 && bin < BINS) counts[samples.group[i]][bin]++
  }
  return [...counts.entries()].filter(([group, bins]) => shows(group) && bins.some(Boolean))
}

// The axes on which nothing is known at a moment.
const emptyAxes = (scene, moment) =>
  scene.axes.filter((_, axis) => {
    const codes = scene.codesAt(moment)
    for (let k = axis; k < codes.length; k += scene.size) if (codes[k] !== EMPTY) return false
    return true
  })

// Where samples pile up in a flat pane, as small pictures: one for each group, or one in grey for all where the colours
// of the marks mean something else. The square root makes thin places visible beside full ones.
function shades(scene, samples, moment, shows, byGroup) {
  const places = scene.placesAt(moment)
  const kinds = byGroup ? samples.groups.map(({ colour }, group) => [rgb(colour), group]) : [[GREY, null]]
  return kinds.map(([[red, green, blue], group]) => {
    const indices = []
    for (let i = 0; i < scene.count; i++) {
      if ((group === null || samples.group[i] === group) && places[3 * i] !== AWAY && shows(i)) indices.push(i)
    }
    const field = smoothed(countsOn(places, indices), Math.max(NARROWEST_SPREAD, SPREAD * (MANY / Math.max(1, indices.length)) ** 0.25))
    const most = Math.max(...field) || 1
    const picture = new ImageData(GRID_SIDE, GRID_SIDE)
    field.forEach((value, k) => {
      const [x, y] = [k % GRID_SIDE, GRID_SIDE - 1 - Math.floor(k / GRID_SIDE)]
      picture.data.set([red, green, blue, 255 * SHADE * Math.sqrt(value / most)], 4 * (y * GRID_SIDE + x))
    })
    const canvas = element("canvas")
    canvas.width = canvas.height = GRID_SIDE
    canvas.getContext("2d").putImageData(picture, 0, 0)
    return canvas
  })
}

// Outlines of the densest part of each class of retained samples: {label, lines, peak}, in places of a map.
function outlines(scene, samples, moment) {
  const places = scene.placesAt(moment)
  const members = new Map()
  for (let i = 0; i < scene.count; i++) {
    if (samples.group[i] !== 1 || places[3 * i] === AWAY) continue
    if (!members.has(samples.label[i])) members.set(samples.label[i], [])
    members.get(samples.label[i]).push(i)
  }
  return [...members]
    .filter(([, indices]) => indices.length >= FEWEST)
    .sort((a, b) => b[1].length - a[1].length)
    .slice(0, MOST_CLASSES)
    .map(([label, indices]) => {
      const field = smoothed(countsOn(places, indices), SPREAD * Math.max(1, MANY / indices.length) ** 0.25)
      const peak = field.indexOf(Math.max(...field))
      return { label, lines: levelLines(field, LEVEL * field[peak]), peak: [cell(peak % GRID_SIDE), cell(Math.floor(peak / GRID_SIDE))] }
    })
}

// The grid reaches beyond the axes by their margin.
const cell = (k) => (k + 0.5) / GRID_SIDE - 0.5

function countsOn(places, indices) {
  const field = new Float32Array(GRID_SIDE * GRID_SIDE)
  for (const i of indices) {
    const [x, y] = [places[3 * i], places[3 * i + 1]].map((place) => Math.floor((place + 0.5) * GRID_SIDE))
    if (x >= 0 && x < GRID_SIDE && y >= 0 && y < GRID_SIDE) field[y * GRID_SIDE + x]++
  }
  return field
}

// A Gaussian over rows, then over columns.
function smoothed(field, spread) {
  const reach = Math.ceil(3 * spread)
  const kernel = Array.from({ length: 2 * reach + 1 }, (_, k) => Math.exp(-((k - reach) ** 2) / (2 * spread ** 2)))
  for (const [step, across] of [[1, GRID_SIDE], [GRID_SIDE, 1]]) {
    const next = new Float32Array(field.length)
    for (let line = 0; line < GRID_SIDE; line++) {
      for (let k = 0; k < GRID_SIDE; k++) {
        const value = field[line * across + k * step]
        if (!value) continue
        for (let far = -reach; far <= reach; far++) {
          if (k + far >= 0 && k + far < GRID_SIDE) next[line * across + (k + far) * step] += value * kernel[far + reach]
        }
      }
    }
    field = next
  }
  return field
}

// Marching squares (Lorensen and Cline 1987, in the plane): straight pieces of the line on which a field has a level.
function levelLines(field, level) {
  const lines = []
  const value = (x, y) => field[y * GRID_SIDE + x] - level
  for (let y = 0; y + 1 < GRID_SIDE; y++) {
    for (let x = 0; x + 1 < GRID_SIDE; x++) {
      const corners = [[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1]]
      const heights = corners.map(([u, v]) => value(u, v))
      const crossings = []
      for (let k = 0; k < 4; k++) {
        const [p, q] = [heights[k], heights[(k + 1) % 4]]
        if (p > 0 === q > 0) continue
        const share = p / (p - q)
        const [from, to] = [corners[k], corners[(k + 1) % 4]]
        crossings.push([cell(from[0] + share * (to[0] - from[0])), cell(from[1] + share * (to[1] - from[1]))])
      }
      for (let k = 0; k + 1 < crossings.length; k += 2) lines.push([crossings[k], crossings[k + 1]])
    }
  }
  return lines
}
