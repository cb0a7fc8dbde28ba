// Drawing of points with WebGL 2. The places of all rounds lie on the card, and the shader moves between two of them.

const SHAPES = { x: 0, circle: 1, diamond: 2 }
const RING = 3

const VERTEX = `#version 300 es
in vec3 from;
in vec3 to;
in vec4 colour;
in float chosen;
uniform mat4 view;
uniform float share;
uniform float size;
uniform float opacity;
uniform float others;
uniform bool coded;
uniform bool deep;
out vec4 look;
vec3 placed(vec3 given) {
  vec3 place = coded ? (given / ${CODES}.0 - 0.5) / ${(1 + 2 * MARGIN).toFixed(4)} : given;
  return deep ? place : vec3(place.xy, 0.0);
}
void main() {
  vec3 most = max(from, to);
  if (max(most.x, max(most.y, most.z)) > (coded ? ${CODES}.5 : ${AWAY / 2}.0)) {
    gl_Position = vec4(9.0, 9.0, 9.0, 1.0);
    return;
  }
  vec3 start = placed(from);
  gl_Position = view * vec4(start + share * (placed(to) - start), 1.0);
  gl_PointSize = size * (chosen > 0.5 ? 1.35 : 1.0);
  look = vec4(colour.rgb, colour.a * opacity * (chosen > 0.5 ? 1.0 : others));
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

// A linked WebGL program that is in use; null where the card refuses it.
function linkedProgram(gl, vertex, fragment) {
  const program = gl.createProgram()
  for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind)
    gl.shaderSource(shader, text)
    gl.compileShader(shader)
    gl.attachShader(program, shader)
  }
  gl.linkProgram(program)
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return null
  gl.useProgram(program)
  return program
}

// A painter of one canvas; null where there is no WebGL 2. With `keep` a pane can be drawn anew without the others.
function createPainter(canvas, { keep = false } = {}) {
  const gl = canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true, preserveDrawingBuffer: keep })
  if (!gl) return null
  const program = linkedProgram(gl, VERTEX, FRAGMENT)
  if (!program) return null
  const uniform = Object.fromEntries(
    ["view", "share", "size", "opacity", "others", "coded", "deep", "shape", "hollow"].map((name) => [
      name, gl.getUniformLocation(program, name),
    ]),
  )
  const [from, to, colour, chosen] = ["from", "to", "colour", "chosen"].map((name) => gl.getAttribLocation(program, name))
  const buffers = new Map() // what it holds: its buffer
  const order = gl.createBuffer()
  const flags = gl.createBuffer()
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

  // The same for all samples that are drawn, or a value of each from the buffer that is bound.
  const constant = (place, ...values) => {
    gl.disableVertexAttribArray(place)
    gl.vertexAttrib4f(place, ...values, ...[0, 0, 0, 1].slice(values.length))
  }
  const each = (place, size, isShare) => {
    gl.enableVertexAttribArray(place)
    gl.vertexAttribPointer(place, size, gl.UNSIGNED_BYTE, isShare, 0, 0)
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
    // Which samples are selected, for runs that do not say so themselves.
    select(bytes) {
      gl.bindBuffer(gl.ARRAY_BUFFER, flags)
      gl.bufferData(gl.ARRAY_BUFFER, bytes, gl.DYNAMIC_DRAW)
    },
    clear({ x, y, width, height }, ratio) {
      const corner = [x * ratio, canvas.height - (y + height) * ratio, width * ratio, height * ratio].map(Math.round)
      gl.viewport(...corner)
      gl.scissor(...corner)
      gl.clearColor(0, 0, 0, 0)
      gl.clear(gl.COLOR_BUFFER_BIT)
    },
    // Samples of a pane at a place, or between two; `clear` has set the pane. Places are {name, make, size}: codes or
    // numbers. Runs are stretches of the order, with a shape; a colour, unless each sample has one; whether all of them
    // are selected, unless `select` said so of each; and a size and an opacity of their own where they have one.
    points([start, end], matrix, runs, { share = 0, deep, hollow, size, others, opacity = 1, colours = null }) {
      for (const [place, { name, make, size: axes, coded }] of [[from, start], [to, end]]) {
        bind(name, make)
        gl.vertexAttribPointer(place, axes, coded ? gl.UNSIGNED_SHORT : gl.FLOAT, false, 0, 0)
      }
      if (colours) {
        bind(colours.name, colours.make)
        each(colour, 4, true)
      }
      gl.uniformMatrix4fv(uniform.view, false, matrix)
      gl.uniform1f(uniform.share, share)
      gl.uniform1f(uniform.opacity, opacity)
      gl.uniform1f(uniform.others, others)
      gl.uniform1i(uniform.coded, start.coded)
      gl.uniform1i(uniform.deep, deep)
      gl.uniform1i(uniform.hollow, hollow)
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, order)
      for (const run of runs) {
        if (run.colour) constant(colour, ...run.colour, 1)
        if (run.chosen !== undefined) constant(chosen, Number(run.chosen))
        else {
          gl.bindBuffer(gl.ARRAY_BUFFER, flags)
          each(chosen, 1, false)
        }
        gl.uniform1i(uniform.shape, SHAPES[run.symbol])
        gl.uniform1f(uniform.size, (run.size ?? size) * (run.symbol === "x" ? 0.9 : 1))
        gl.uniform1f(uniform.opacity, opacity * (run.opacity ?? 1))
        gl.drawElements(gl.POINTS, run.count, gl.UNSIGNED_INT, 4 * run.from)
      }
    },
    // Dashed rings around some samples of the pane drawn last.
    rings(name, indices, size, [red, green, blue]) {
      if (!indices.length) return
      bind(name, () => indices, gl.ELEMENT_ARRAY_BUFFER)
      constant(colour, red / 255, green / 255, blue / 255, 1)
      constant(chosen, 0)
      gl.uniform1f(uniform.others, 1)
      gl.uniform1i(uniform.shape, RING)
      gl.uniform1f(uniform.size, size)
      gl.uniform1f(uniform.opacity, 0.9)
      gl.drawElements(gl.POINTS, indices.length, gl.UNSIGNED_INT, 0)
    },
    free: () => gl.getExtension("WEBGL_lose_context")?.loseContext(),
  }
}
