// Drawing of points: WebGL where there is any, else a canvas, both with the same marker shapes.

const SHAPES = { x: 0, circle: 1, diamond: 2 }
const DIMMED = 0.1
const SOLID = 0.8

const VERTEX = `#version 300 es
in vec3 place;
in float chosen;
uniform mat4 view;
uniform float size;
uniform bool dim;
out float opacity;
void main() {
  gl_Position = view * vec4(place, 1.0);
  gl_PointSize = size * (chosen > 0.5 ? 1.35 : 1.0);
  opacity = chosen > 0.5 ? 1.0 : dim ? ${DIMMED} : ${SOLID};
}`

const FRAGMENT = `#version 300 es
precision mediump float;
in float opacity;
uniform int shape;
uniform bool hollow;
uniform vec3 colour;
out vec4 result;
void main() {
  vec2 at = gl_PointCoord * 2.0 - 1.0;
  float side = max(abs(at.x), abs(at.y));
  float far = shape == 0 ? side : shape == 1 ? length(at) : abs(at.x) + abs(at.y);
  if (far > 0.95) discard;
  if (shape == 0) {
    if (min(abs(at.x - at.y), abs(at.x + at.y)) > (hollow ? 0.34 : 0.55)) discard;
  } else if (hollow && far < 0.5) discard;
  result = vec4(colour * opacity, opacity);
}`

const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)

function webglPainter(canvas) {
  const gl = canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true })
  if (!gl) return null
  const program = linkedProgram(gl, VERTEX, FRAGMENT)
  if (!program) return null
  const at = Object.fromEntries(
    ["view", "size", "dim", "shape", "hollow", "colour"].map((name) => [name, gl.getUniformLocation(program, name)]),
  )
  const [place, chosen] = ["place", "chosen"].map((name) => gl.getAttribLocation(program, name))
  const buffers = new Map() // places of a moment: its buffer
  const marks = gl.createBuffer()
  gl.enable(gl.BLEND)
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
  gl.enable(gl.SCISSOR_TEST)

  const bind = (places) => {
    if (!buffers.has(places)) {
      buffers.set(places, gl.createBuffer())
      gl.bindBuffer(gl.ARRAY_BUFFER, buffers.get(places))
      gl.bufferData(gl.ARRAY_BUFFER, places, gl.STATIC_DRAW)
    }
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers.get(places))
    gl.enableVertexAttribArray(place)
    gl.vertexAttribPointer(place, 3, gl.FLOAT, false, 0, 0)
    gl.bindBuffer(gl.ARRAY_BUFFER, marks)
    gl.enableVertexAttribArray(chosen)
    gl.vertexAttribPointer(chosen, 1, gl.UNSIGNED_BYTE, false, 0, 0)
  }

  return {
    kind: "webgl",
    canvas,
    forget() {
      for (const buffer of buffers.values()) gl.deleteBuffer(buffer)
      buffers.clear()
    },
    draw(panes, look) {
      const { ratio } = look
      gl.bindBuffer(gl.ARRAY_BUFFER, marks)
      gl.bufferData(gl.ARRAY_BUFFER, look.selected, gl.DYNAMIC_DRAW)
      gl.scissor(0, 0, canvas.width, canvas.height)
      gl.clearColor(0, 0, 0, 0)
      gl.clear(gl.COLOR_BUFFER_BIT)
      gl.uniform1i(at.dim, look.any)
      for (const pane of panes) {
        const { x, y, width, height } = pane.box
        const corner = [x * ratio, canvas.height - (y + height) * ratio, width * ratio, height * ratio]
        gl.viewport(...corner)
        gl.scissor(...corner)
        bind(pane.places)
        gl.uniformMatrix4fv(at.view, false, pane.matrix)
        gl.uniform1i(at.hollow, pane.hollow)
        for (const group of look.groups) {
          if (!group.count || look.hidden.has(group.id)) continue
          gl.uniform1i(at.shape, SHAPES[group.symbol])
          gl.uniform1f(at.size, look.size * ratio * (group.symbol === "x" ? 0.9 : 1))
          gl.uniform3fv(at.colour, rgb(group.colour))
          gl.drawArrays(gl.POINTS, group.from, group.count)
        }
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
    canvas,
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
