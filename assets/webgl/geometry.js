// Where things are: decoding of packed numbers, the shared camera, and projection of points into a pane.

const EMPTY = 65535 // code of a value that was not recorded
const CODES = 65534
const AWAY = 1e9 // a place that no pane shows
const MARGIN = 0.03 // of an axis that stays free at both ends
const FIELD = (32 * Math.PI) / 180
const HOME = { azimuth: -0.95, elevation: 0.42, distance: 3.5 }

const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
const decode = (text, Type) => new Type(bytes(text).buffer)

// What an axis shows: the ends in the unit of its ticks, which on a logarithmic axis are powers of ten.
function shownAxis(axis, log) {
  if (!axis.loss) return { ...axis, scale: "linear" }
  if (axis.log && log) return { ...axis, scale: "log" }
  if (axis.log) return { ...axis, low: 0, high: 10 ** axis.high, scale: "linear" }
  return { ...axis, scale: "linear" }
}

const valueOf = (axis, code) => {
  const stored = axis.low + (code / CODES) * (axis.high - axis.low)
  return axis.log ? 10 ** stored : stored
}

// (n, 3) codes to (n, 3) places in a cube of side 1 around the origin.
function placesOf(codes, axes, log) {
  const places = new Float32Array(codes.length)
  axes.forEach((axis, k) => {
    const shown = shownAxis(axis, log)
    const table = new Float32Array(EMPTY + 1)
    for (let code = 0; code <= CODES; code++) {
      const value = shown.scale === "log" ? Math.log10(valueOf(axis, code)) : valueOf(axis, code)
      table[code] = placeOn(shown, value)
    }
    table[EMPTY] = AWAY
    for (let i = k; i < codes.length; i += 3) places[i] = table[codes[i]]
  })
  // One missing signal hides the sample, rather than drawing it at a wrong place.
  for (let i = 0; i < places.length; i += 3) {
    if (places[i] === AWAY || places[i + 1] === AWAY || places[i + 2] === AWAY) places.fill(AWAY, i, i + 3)
  }
  return places
}

const placeOn = (shown, value) => ((value - shown.low) / (shown.high - shown.low) - 0.5) / (1 + 2 * MARGIN)

const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
const scaled = (a, by) => a.map((x) => x * by)

function eyeOf(camera) {
  const { azimuth, elevation, distance } = camera
  const flat = Math.cos(elevation)
  return scaled([flat * Math.cos(azimuth), flat * Math.sin(azimuth), Math.sin(elevation)], distance)
}

// Column-major 4 × 4: a camera that looks at the middle of the cube from outside, z up.
function cameraMatrix(camera, aspect) {
  const eye = eyeOf(camera)
  const back = scaled(eye, 1 / camera.distance)
  const right = [-Math.sin(camera.azimuth), Math.cos(camera.azimuth), 0]
  const up = cross(back, right)
  const lens = 1 / Math.tan(FIELD / 2)
  const [near, far] = [0.05, 20]
  const wide = aspect < 1 ? lens : lens / aspect
  const high = aspect < 1 ? lens * aspect : lens
  const deep = (far + near) / (near - far)
  const matrix = new Float32Array(16)
  for (let k = 0; k < 3; k++) {
    matrix[4 * k] = wide * right[k]
    matrix[4 * k + 1] = high * up[k]
    matrix[4 * k + 2] = deep * back[k]
    matrix[4 * k + 3] = -back[k]
  }
  matrix[14] = deep * -dot(back, eye) + (2 * far * near) / (near - far)
  matrix[15] = dot(back, eye)
  return matrix
}

// The same for a flat pane: two of the three axes, of each the part in `zoom` ([low, high] places).
function flatMatrix([across, upward], zoom) {
  const matrix = new Float32Array(16)
  matrix[15] = 1
  ;[across, upward].forEach((axis, row) => {
    const [low, high] = zoom[row]
    matrix[4 * axis + row] = 2 / (high - low)
    matrix[12 + row] = -(high + low) / (high - low)
  })
  return matrix
}

const WHOLE = () => [[-0.5, 0.5], [-0.5, 0.5]]

// Place in px of the pane's canvas; null where it is behind the camera.
function project(matrix, box, x, y, z) {
  const w = matrix[3] * x + matrix[7] * y + matrix[11] * z + matrix[15]
  if (w <= 0) return null
  const u = (matrix[0] * x + matrix[4] * y + matrix[8] * z + matrix[12]) / w
  const v = (matrix[1] * x + matrix[5] * y + matrix[9] * z + matrix[13]) / w
  return [box.x + ((u + 1) / 2) * box.width, box.y + ((1 - v) / 2) * box.height]
}

function insidePolygon(polygon, x, y) {
  let inside = false
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [[xi, yi], [xj, yj]] = [polygon[i], polygon[j]]
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside
  }
  return inside
}
