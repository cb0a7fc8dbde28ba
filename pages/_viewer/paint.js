// Drawing of points with WebGL 2. Positions of all rounds lie on the card, and the shader moves between two of them.

const SHAPES = { x: 0, circle: 1, diamond: 2 }
const RING = 3
const FAINT = 0.13
const SOLID = 0.85

const VERTEX = `#version 300 es
in vec3 from;
in vec3 to;
in vec4 colour;
uniform mat4 view;
uniform float share;
uniform float size;
uniform float opacity;
uniform bool deep;
out vec4 look;
vec3 placed(vec3 code) {
  vec3 place = (code / ${CODES}.0 - 0.5) / ${(1 + 2 * MARGIN).toFixed(4)};
  return deep ? place : vec3(place.xy, 0.0);
}
void main() {
  vec3 most = max(from, to);
  if (max(most.x, max(most.y, most.z)) > ${CODES}.5) {
    gl_Position = vec4(9.0, 9.0, 9.0, 1.0);
    return;
  }
  vec3 start = placed(from);
  gl_Position = view * vec4(start + share * (placed(to) - start), 1.0);
  gl_PointSize = size;
  look = vec4(colour.rgb, colour.a * opacity);
}`

const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 look;
uniform int shape;
uniform bool hollow;
out vec4 result;
void main() {
  vec2 at = gl_PointCoord * 2.0 - 1.0;
  float side = max(abs(at.x), abs(at.y));
  float far = shape == 0 ? side : shape == 2 ? abs(at.x) + abs(at.y) : length(at);
  if (far > 0.95) discard;
  if (shape == 0) {
    if (min(abs(at.x - at.y), abs(at.x + at.y)) > (hollow ? 0.34 : 0.55)) discard;
  } else if (shape == 3) {
    if (far < 0.78 || sin(atan(at.y, at.x) * 7.0) < -0.2) discard;
  } else if (hollow && far < 0.5) discard;
  result = vec4(look.rgb * look.a, look.a);
}`

function createPainter(canvas) {
  // Kept between frames, so that a moving pane is drawn alone.
  const gl = canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true, preserveDrawingBuffer: true })
  if (!gl) return null
  const program = linkedProgram(gl, VERTEX, FRAGMENT)
  if (!program) return null
  const uniform = Object.fromEntries(
    ["view", "share", "size", "opacity", "deep", "shape", "hollow"].map((name) => [name, gl.getUniformLocation(program, name)]),
  )
  const [from, to, colour] = ["from", "to", "colour"].map((name) => gl.getAttribLocation(program, name))
  const buffers = new Map() // what it holds: its buffer
  const order = gl.createBuffer()
  gl.enable(gl.BLEND)
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
  gl.enable(gl.SCISSOR_TEST)
  gl.enableVertexAttribArray(from)
  gl.enableVertexAttribArray(to)

  const bind = (name, make, kind = gl.ARRAY_BUFFER) => {
    if (!buffers.has(name)) {
      buffers.set(name, gl.createBuffer())
      gl.bindBuffer(kind, buffers.get(name))
      gl.bufferData(kind, make(), gl.STATIC_DRAW)
    }
    gl.bindBuffer(kind, buffers.get(name))
  }

  return {
    gl,
    // Frees what the card holds of names that begin so.
    forget(prefix) {
      for (const [name, buffer] of buffers) {
        if (!name.startsWith(prefix)) continue
        gl.deleteBuffer(buffer)
        buffers.delete(name)
      }
    },
    order(indices) {
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, order)
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, indices, gl.DYNAMIC_DRAW)
    },
    clear({ x, y, width, height }, ratio) {
      const corner = [x * ratio, canvas.height - (y + height) * ratio, width * ratio, height * ratio].map(Math.round)
      gl.viewport(...corner)
      gl.scissor(...corner)
      gl.clearColor(0, 0, 0, 0)
      gl.clear(gl.COLOR_BUFFER_BIT)
    },
    // Samples of a pane at a moment, or between two; `clear` has set the pane. `runs` are stretches of the order.
    points(scene, at, matrix, colours, runs, { hollow, dim, size, opacity = 1 }) {
      for (const [place, moment] of [[from, at.from], [to, at.to]]) {
        bind(`codes ${moment}`, () => scene.codesAt(moment))
        gl.vertexAttribPointer(place, scene.size, gl.UNSIGNED_SHORT, false, 0, 0)
      }
      bind(colours.name, colours.make)
      gl.enableVertexAttribArray(colour)
      gl.vertexAttribPointer(colour, 4, gl.UNSIGNED_BYTE, true, 0, 0)
      gl.uniformMatrix4fv(uniform.view, false, matrix)
      gl.uniform1f(uniform.share, at.share)
      gl.uniform1i(uniform.deep, !scene.flat)
      gl.uniform1i(uniform.hollow, hollow)
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, order)
      for (const run of runs) {
        gl.uniform1i(uniform.shape, SHAPES[run.symbol])
        gl.uniform1f(uniform.size, size * (run.symbol === "x" ? 0.9 : 1) * (run.chosen ? 1.35 : 1))
        gl.uniform1f(uniform.opacity, opacity * (run.chosen ? 1 : dim ? FAINT : SOLID))
        gl.drawElements(gl.POINTS, run.count, gl.UNSIGNED_INT, 4 * run.from)
      }
    },
    // Dashed rings around some samples of the pane drawn last.
    rings(name, indices, size, [red, green, blue]) {
      if (!indices.length) return
      bind(name, () => indices, gl.ELEMENT_ARRAY_BUFFER)
      gl.disableVertexAttribArray(colour)
      gl.vertexAttrib4f(colour, red / 255, green / 255, blue / 255, 1)
      gl.uniform1i(uniform.shape, RING)
      gl.uniform1f(uniform.size, size)
      gl.uniform1f(uniform.opacity, 0.9)
      gl.drawElements(gl.POINTS, indices.length, gl.UNSIGNED_INT, 0)
    },
    free: () => gl.getExtension("WEBGL_lose_context")?.loseContext(),
  }
}
