// Everything on a pane that is not a point: guide lines, histograms, outlines, arrows, trails, rings, lasso and ruler.

const MOST_PATHS = 200

const clipped = (pen, { x, y, width, height }, draw) => {
  pen.save()
  pen.beginPath()
  pen.rect(x, y, width, height)
  pen.clip()
  draw()
  pen.restore()
}

function stroke(pen, spots, colour, width = 1, dash = []) {
  pen.strokeStyle = colour
  pen.lineWidth = width
  pen.setLineDash(dash)
  pen.beginPath()
  for (const spot of spots) pen.lineTo(...spot)
  pen.stroke()
  pen.setLineDash([])
}

// Where an axis has a mark, such as the decision boundary at 0: a line in a flat pane, a frame in a cube.
function guides(pen, pane, scene, axes) {
  axes.forEach((axis, k) => {
    if (axis.mark === null) return
    const place = placeOn(axis, axis.mark)
    const ends = scene.flat ? [[-9, 0], [9, 0]] : [[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5], [-0.5, -0.5]]
    const spots = ends.map((end) => {
      const at = [0, 0, 0]
      const rest = [0, 1, 2].filter((other) => other !== k)
      at[k] = place
      rest.forEach((other, n) => { at[other] = end[n] ?? 0 })
      return project(pane.matrix, pane.box, ...at)
    })
    if (spots.includes(null)) return
    clipped(pen, pane.box, () => {
      stroke(pen, spots, pen.guide, 1.3, [5, 4])
      if (!scene.flat || !axis.mark_title) return
      const { x, y, width, height } = pane.box
      pen.font = `${SMALL}px ${pen.family}`
      const fits = spots[0][0] + 6 + pen.measureText(axis.mark_title).width < x + width
      const [align, away] = fits ? ["left", 4] : ["right", -4]
      if (k === 0) words(pen, axis.mark_title, spots[0][0] + away, y + height - 9, { align, colour: pen.guide })
      else words(pen, axis.mark_title, x + 4, spots[0][1] - 8, { align: "left", colour: pen.guide })
    })
  })
}

// One outline per group, each up to the edge at its own fullest bin: a group in one spot would flatten the others. The
// selected part of a group is filled, on the scale of the whole.
function histogram(pen, area, counts, chosen, groups, upright) {
  const parts = new Map(chosen)
  for (const [group, bins] of counts) {
    const colour = rgb(groups[group].colour)
    const most = Math.max(...bins) || 1
    binsOf(pen, area, bins.map((count) => count / most), colour, 0.16, upright)
    if (parts.has(group)) binsOf(pen, area, parts.get(group).map((count) => count / most), colour, 0.75, upright)
  }
}

function binsOf(pen, { x, y, width, height }, shares, colour, opacity, upright) {
  const step = (upright ? height : width) / BINS
  const path = [[x, y + height]]
  shares.forEach((share, k) => {
    const long = share * (upright ? width : height)
    for (const end of [k, k + 1]) {
      path.push(upright ? [x + long, y + height - end * step] : [x + end * step, y + height - long])
    }
  })
  path.push(upright ? [x, y] : [x + width, y + height])
  pen.fillStyle = css(colour, opacity)
  pen.beginPath()
  for (const spot of path) pen.lineTo(...spot)
  pen.fill()
  stroke(pen, path, css(colour, 0.9), 1)
}

function shadeOf(pen, pane, pictures) {
  const [left, top] = project(pane.matrix, pane.box, -0.5, 0.5, 0)
  const [right, bottom] = project(pane.matrix, pane.box, 0.5, -0.5, 0)
  pen.imageSmoothingEnabled = true
  clipped(pen, pane.box, () => {
    for (const picture of pictures) pen.drawImage(picture, left, top, right - left, bottom - top)
  })
}

function classOutlines(pen, pane, shapes, name) {
  clipped(pen, pane.box, () => {
    for (const { label, lines, peak } of shapes) {
      const colour = css(classColour(label), 0.95)
      pen.beginPath()
      for (const [from, to] of lines) {
        pen.moveTo(...project(pane.matrix, pane.box, ...from, 0))
        pen.lineTo(...project(pane.matrix, pane.box, ...to, 0))
      }
      // A seam in the colour of the ground parts the line from points of its own colour.
      for (const [ink, wide] of [[pen.ground, 4], [colour, 1.6]]) {
        pen.strokeStyle = ink
        pen.lineWidth = wide
        pen.stroke()
      }
      const [x, y] = project(pane.matrix, pane.box, ...peak, 0)
      pen.lineJoin = "round"
      pen.lineWidth = 3
      pen.font = `600 ${SMALL}px ${pen.family}`
      pen.textAlign = "center"
      pen.textBaseline = "middle"
      pen.strokeStyle = pen.ground
      pen.strokeText(name(label), x, y)
      words(pen, name(label), x, y, { weight: 600, colour })
    }
  })
}

// From where a sample was to where it is.
function arrow(pen, from, to, colour) {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1])
  if (length < 3) return
  stroke(pen, [from, to], colour, 1.1)
  const angle = Math.atan2(to[1] - from[1], to[0] - from[0])
  const head = Math.min(7, length / 2)
  pen.fillStyle = colour
  pen.beginPath()
  pen.moveTo(...to)
  for (const side of [-0.4, 0.4]) pen.lineTo(to[0] - head * Math.cos(angle + side), to[1] - head * Math.sin(angle + side))
  pen.fill()
}

// The way of each sample through the rounds up to a position, older parts fainter.
function trails(pen, pane, scene, indices, position, colourOf) {
  const whole = Math.floor(position)
  const stops = [...Array(whole + 1).keys()]
  if (position > whole) stops.push(position)
  clipped(pen, pane.box, () => {
    for (const i of indices) {
      const spots = stops.map((stop) => {
        const place = scene.place(i, momentsAt(scene, stop))
        return place && project(pane.matrix, pane.box, ...place)
      })
      for (let k = 1; k < spots.length; k++) {
        if (spots[k - 1] && spots[k]) stroke(pen, [spots[k - 1], spots[k]], css(colourOf(i), 0.15 + (0.75 * k) / stops.length), 1.4)
      }
    }
  })
}

// The samples whose places changed most since round 0, the largest first.
function movers(scene, moment, visible) {
  const [a, b] = [scene.placesAt(scene.rounds[0]), scene.placesAt(moment)]
  const far = (i) => Math.hypot(b[3 * i] - a[3 * i], b[3 * i + 1] - a[3 * i + 1], b[3 * i + 2] - a[3 * i + 2])
  return visible
    .filter((i) => a[3 * i] !== AWAY && b[3 * i] !== AWAY && far(i) > 0)
    .map((i) => [far(i), i])
    .sort((one, other) => other[0] - one[0])
    .slice(0, MOST_PATHS)
    .map(([, i]) => i)
}

function ring(pen, spot, colour, dash = []) {
  pen.strokeStyle = colour
  pen.lineWidth = 1.6
  pen.setLineDash(dash)
  pen.beginPath()
  pen.arc(...spot, 7.5, 0, 7)
  pen.stroke()
  pen.setLineDash([])
}

function lassoLine(pen, path) {
  stroke(pen, path, pen.ink, 1.2)
  stroke(pen, [path.at(-1), path[0]], pen.ink, 1.2, [4, 4])
}
