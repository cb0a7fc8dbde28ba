// Which samples a pointer means, and how it moves the camera.

const REACH = 9 // px between the pointer and the sample that it means
const TURN = 0.009 // radians per px

const within = ({ x, y, width, height }, left, top) => left >= x && left <= x + width && top >= y && top <= y + height

const localPoint = (canvas, event) => {
  const { left, top } = canvas.getBoundingClientRect()
  return [event.clientX - left, event.clientY - top]
}

// The sample under a point; of several at one place the one that was drawn last, which lies on top. Null for none.
function nearestSample(indices, spot, x, y) {
  let [best, reach] = [null, REACH]
  for (const i of indices) {
    const at = spot(i)
    if (!at) continue
    const away = Math.hypot(at[0] - x, at[1] - y)
    if (away <= reach) [best, reach] = [i, away]
  }
  return best
}

const enclosedSamples = (indices, spot, box, path) =>
  [...indices].filter((i) => {
    const at = spot(i)
    return at && within(box, ...at) && insidePolygon(path, ...at)
  })

const selectionMode = (event) => (event.altKey ? "remove" : event.shiftKey ? "add" : "replace")

function turnCamera(camera, azimuth, elevation) {
  camera.azimuth += azimuth
  camera.elevation = Math.max(-1.45, Math.min(1.45, camera.elevation + elevation))
}

function moveCamera(camera, by) {
  camera.distance = Math.max(1.2, Math.min(9, camera.distance * by))
}
