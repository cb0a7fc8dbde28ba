// How the panes of a space are drawn: with WebGL where there is any, else on a canvas, both with the same marker shapes.

const DIMMED = 0.1
const SOLID = 0.8

const shares = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)

function webglPainter(canvas) {
  const painter = createPainter(canvas)
  if (!painter) return null
  const names = new Map() // places of a moment: what the card calls them
  let ordered = 0 // samples that the card knows the order of
  const named = (places) => {
    if (!names.has(places)) names.set(places, `places ${names.size}`)
    return { name: names.get(places), make: () => places, size: 3, coded: false }
  }

  return {
    kind: "webgl",
    forget() {
      painter.forget("places")
      names.clear()
    },
    draw(panes, look) {
      const { ratio } = look
      if (ordered !== look.selected.length) {
        ordered = look.selected.length
        painter.order(Uint32Array.from(look.selected.keys()))
      }
      painter.select(look.selected)
      painter.clear({ x: 0, y: 0, width: canvas.width / ratio, height: canvas.height / ratio }, ratio)
      const runs = look.groups
        .filter((group) => group.count && !look.hidden.has(group.id))
        .map((group) => ({ symbol: group.symbol, from: group.from, count: group.count, colour: shares(group.colour) }))
      for (const pane of panes) {
        painter.clear(pane.box, ratio)
        const places = named(pane.places)
        painter.points([places, places], pane.matrix, runs, {
          deep: true, hollow: pane.hollow, size: look.size * ratio, others: look.any ? DIMMED : SOLID,
        })
      }
    },
  }
}

// Slower, but everywhere: copies a small picture of the marker to each place.
function canvasPainter(canvas) {
  const context = canvas.getContext("2d")
  const stamps = new Map()

  const stamp = (group, hollow, size) => {
    const key = `${group.id} ${hollow} ${size}`
    if (!stamps.has(key)) {
      const picture = new OffscreenCanvas(size, size)
      const pen = picture.getContext("2d")
      const [low, middle, high] = [1, size / 2, size - 1]
      pen.strokeStyle = pen.fillStyle = group.colour
      pen.lineWidth = hollow ? 1.2 : 2
      pen.beginPath()
      if (group.symbol === "x") {
        for (const [from, to] of [[low, high], [high, low]]) pen.moveTo(low, from), pen.lineTo(high, to)
      } else if (group.symbol === "circle") pen.arc(middle, middle, middle - 1, 0, 7)
      else for (const [x, y] of [[middle, low], [high, middle], [middle, high], [low, middle], [middle, low]]) pen.lineTo(x, y)
      if (group.symbol === "x" || hollow) pen.stroke()
      else pen.fill()
      stamps.set(key, picture)
    }
    return stamps.get(key)
  }

  return {
    kind: "canvas",
    forget() {},
    draw(panes, look) {
      const size = Math.ceil(look.size)
      context.setTransform(look.ratio, 0, 0, look.ratio, 0, 0)
      context.clearRect(0, 0, canvas.width, canvas.height)
      for (const { box, places, matrix, hollow } of panes) {
        context.save()
        context.beginPath()
        context.rect(box.x, box.y, box.width, box.height)
        context.clip()
        for (const group of look.groups) {
          if (!group.count || look.hidden.has(group.id)) continue
          const picture = stamp(group, hollow, size)
          for (let i = group.from; i < group.from + group.count; i++) {
            if (places[3 * i] === AWAY) continue
            context.globalAlpha = look.selected[i] ? 1 : look.any ? DIMMED : SOLID
            const spot = project(matrix, box, places[3 * i], places[3 * i + 1], places[3 * i + 2])
            if (spot) context.drawImage(picture, spot[0] - size / 2, spot[1] - size / 2)
          }
        }
        context.restore()
      }
    },
  }
}
