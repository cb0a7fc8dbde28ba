// Search over pages, runs and terms: a dialog that Ctrl-K opens anywhere. Python is told what was chosen and goes there.

const MOST = 12
const KINDS = { page: "Page", run: "Run", term: "Term" }
const live = new WeakMap()

const plain = (text) => text.toLowerCase().normalize("NFKD").replace(/[\u0300-\u036f]/g, "").replace(/[-–_]/g, " ").trim()

// 0 is best: the title begins so; then a word of it; then anywhere; then in what else is known of it. None: not found.
function rank(entry, words) {
  let worst = 0
  for (const word of words) {
    const place = entry.head.startsWith(word) ? 0
      : entry.head.includes(" " + word) ? 1
      : entry.head.includes(word) ? 2
      : entry.rest.includes(word) ? 3 : 9
    if (place === 9) return null
    worst = Math.max(worst, place)
  }
  return worst
}

export function search(entries, text) {
  const words = plain(text).split(/\s+/).filter(Boolean)
  if (!words.length) return entries.filter((entry) => entry.first).slice(0, MOST)
  const found = []
  entries.forEach((entry, order) => {
    const place = rank(entry, words)
    // The whole title typed out comes before titles that go on.
    if (place !== null) found.push([entry.head === words.join(" ") ? -1 : place, order, entry])
  })
  found.sort((a, b) => a[0] - b[0] || a[1] - b[1])
  return found.slice(0, MOST).map((row) => row[2])
}

function prepared(data) {
  return data.entries.map(([kind, id, title, more, first]) => ({
    kind, id, title, more, first, head: plain(title), rest: plain(`${id} ${more}`),
  }))
}

function start(root) {
  const one = (selector) => root.querySelector(selector)
  const [open, dialog, field, list, count] = ["button", "dialog", "input", "ul", ".count"].map(one)
  const state = { entries: [], found: [], at: 0, choose: () => {} }

  function draw() {
    state.found = search(state.entries, field.value)
    state.at = Math.min(state.at, Math.max(0, state.found.length - 1))
    list.replaceChildren(...state.found.map((entry, place) => {
      const row = document.createElement("li")
      row.id = `found-${place}`
      row.setAttribute("role", "option")
      row.setAttribute("aria-selected", String(place === state.at))
      for (const [name, text] of [["kind", KINDS[entry.kind]], ["title", entry.title], ["more", entry.more]]) {
        const cell = document.createElement("span")
        cell.className = name
        cell.textContent = text
        row.append(cell)
      }
      row.onclick = () => go(place)
      row.onpointermove = () => { if (state.at !== place) { state.at = place; mark() } }
      return row
    }))
    const n = state.found.length
    count.textContent = !field.value.trim() ? "Type to search everything."
      : n === MOST ? `The first ${n}; more letters find fewer.` : n ? `${n} found` : "Nothing is called so."
    mark()
  }

  function mark() {
    ;[...list.children].forEach((row, place) => row.setAttribute("aria-selected", String(place === state.at)))
    const row = list.children[state.at]
    if (row) field.setAttribute("aria-activedescendant", row.id)
    else field.removeAttribute("aria-activedescendant")
    row?.scrollIntoView({ block: "nearest" })
  }

  function go(place) {
    const entry = state.found[place]
    if (!entry) return
    dialog.close()
    state.choose({ kind: entry.kind, id: entry.id })
  }

  function show() {
    if (dialog.open) return
    field.value = ""
    state.at = 0
    draw()
    dialog.showModal()
    field.focus()
  }

  const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: MOST, PageUp: -MOST }
  dialog.addEventListener("keydown", (event) => {
    if (isKey(event)) {
      event.preventDefault()
      dialog.close()
    } else if (event.key in moves) {
      event.preventDefault()
      const last = state.found.length - 1
      const step = moves[event.key]
      // One step past an end comes in at the other; a page stops there.
      state.at = Math.abs(step) === 1 ? (state.at + step + last + 1) % (last + 1 || 1)
        : Math.max(0, Math.min(last, state.at + step))
      mark()
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault()
      go(state.at)
    }
  })
  // What is typed here is no shortcut of the page behind.
  for (const kind of ["keydown", "keypress", "keyup"]) dialog.addEventListener(kind, (event) => event.stopPropagation())
  // A click beside the dialog is one on the dialog itself, outside of its rectangle.
  dialog.addEventListener("pointerdown", (event) => {
    const box = dialog.getBoundingClientRect()
    const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom
    if (event.target === dialog && !inside) dialog.close()
  })
  field.addEventListener("input", () => { state.at = 0; draw() })
  open.onclick = show
  if (/Mac|iPhone|iPad/.test(navigator.platform)) open.querySelector("kbd").textContent = "⌘K"

  const isKey = (event) => (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k"
  const listen = (event) => {
    if (!isKey(event)) return
    event.preventDefault()
    event.stopPropagation()
    show()
  }
  document.addEventListener("keydown", listen, true)
  // The markup is there before this script: until now neither the key nor the button did anything.
  open.disabled = false
  state.end = () => document.removeEventListener("keydown", listen, true)
  state.again = () => { if (dialog.open) draw() }
  return state
}

export default function ({ data, parentElement, setTriggerValue }) {
  const state = live.get(parentElement) ?? start(parentElement)
  live.set(parentElement, state)
  state.choose = (chosen) => setTriggerValue("chosen", chosen)
  if (state.stamp !== data.stamp) {
    state.stamp = data.stamp
    state.entries = prepared(data)
    state.again()
  }
  return () => {
    state.end()
    live.delete(parentElement)
  }
}
