// Which panes there are, and where they lie.

const LEFT = 36 // tick labels of the first pane of a row
const NARROWEST = 235
const TITLE = 24
const UNDER = 22 // tick labels of the axis below
const STRIP = 32 // histogram along an edge
const TALLEST = 540
const LOWEST = 240
const WIDE = 430 // px of height for a pane that is alone, unless units must be equally long

const still = (moment) => ({ from: moment, to: moment, share: 0 })

// The two rounds around a position on the scrubber (0 = first round), and the share of the way between them.
function momentsAt(scene, position) {
  const last = scene.rounds.length - 1
  const k = Math.min(Math.floor(position), last)
  const share = position - k
  return share ? { from: scene.rounds[k], to: scene.rounds[k + 1], share } : still(scene.rounds[k])
}

// The round of those two that is nearer: what is listed, counted and outlined while the points are between.
const nearer = ({ from, to, share }) => (share < 0.5 ? from : to)

function positionTitle(scene, { from, to, share }) {
  if (!share) return scene.moments[from].title
  return `Between ${scene.moments[from].number} and ${scene.moments[to].number} (interpolated)`
}

function panesOf(scene, position, overlay) {
  const at = momentsAt(scene, position)
  const round = { kind: "round", title: positionTitle(scene, at), at, moving: true, hollow: false }
  if (overlay) return [{ ...round, ghost: still(scene.rounds[0]) }]
  const first = scene.rounds[0]
  const panes = [{ kind: "before", title: scene.moments[first].title, at: still(first), hollow: true }]
  if (scene.rounds.length > 1) panes.push(round)
  for (const moment of scene.references) {
    panes.push({ kind: "reference", title: scene.moments[moment].title, at: still(moment), hollow: false })
  }
  if (scene.others.length) {
    const moment = scene.otherAt(scene.moments[nearer(at)].number)
    panes.push({ kind: "other", title: scene.moments[moment].title, at: still(moment), hollow: false, moving: true })
  }
  return panes
}

// The part of the axes that a pane shows: where units are equally long, more along its longer side.
function windowOf(zoom, box, equal) {
  if (!equal) return zoom
  const unit = Math.max((zoom[0][1] - zoom[0][0]) / box.width, (zoom[1][1] - zoom[1][0]) / box.height)
  return zoom.map(([low, high], row) => {
    const length = unit * (row ? box.height : box.width)
    return [(low + high - length) / 2, (low + high + length) / 2]
  })
}

// Gives every pane its place; returns the height of them all.
function layOut(panes, width, scene, { zoom, camera }) {
  const left = scene.flat ? LEFT : 0
  const most = Math.max(1, Math.min(panes.length, Math.floor((width - left) / NARROWEST)))
  // Two and two rather than three and one.
  const columns = panes.length === 4 && most === 3 ? 2 : most
  const across = (width - left) / columns
  const strip = scene.flat && !scene.equal ? STRIP : 0
  const inner = across - 10 - strip
  const tall = scene.flat ? Math.min(scene.equal ? inner : Math.min(Math.max(LOWEST, inner * 0.95), WIDE), TALLEST) : Math.min(across, TALLEST)
  const line = TITLE + strip + tall + (scene.flat ? UNDER : 8)
  panes.forEach((pane, k) => {
    const x = left + (k % columns) * across
    const y = Math.floor(k / columns) * line
    pane.first = k % columns === 0
    pane.untitled = true
    pane.frame = { x, y, width: across, height: line }
    pane.cleared = pane.first ? { x: 0, y, width: x + across, height: line } : pane.frame
    pane.box = scene.flat
      ? { x: x + 3, y: y + TITLE + strip, width: inner, height: tall }
      : { x, y: y + TITLE, width: across, height: tall }
    if (scene.flat) {
      const { box } = pane
      pane.above = strip && { x: box.x, y: box.y - strip, width: box.width, height: strip - 3 }
      pane.beside = strip && { x: box.x + box.width + 3, y: box.y, width: strip - 3, height: box.height }
      pane.pair = [0, 1]
      pane.zoom = windowOf(zoom, box, scene.equal)
      pane.matrix = flatMatrix(pane.pair, pane.zoom)
    } else pane.matrix = cameraMatrix(camera, pane.box.width / pane.box.height)
  })
  return Math.ceil(panes.length / columns) * line
}

// The height of panes that are not known yet, so that nothing moves when they come.
const heightAhead = (width, { panes, flat, equal }) =>
  Math.ceil(layOut(Array.from({ length: panes }, () => ({})), width, { flat, equal }, { zoom: WHOLE(), camera: { ...HOME, distance: NEAR } }))

// Size in px and opacity of marks in a pane: they shrink and fade with their number, so that what lies below shows.
function markLook({ width, height }, count) {
  const room = Math.sqrt((width * height) / Math.max(1, count))
  return { size: Math.max(2.4, Math.min(8.5, 0.62 * room)), opacity: Math.max(0.3, Math.min(0.85, room / 8)) }
}
