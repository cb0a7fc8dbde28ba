// Keys, clock and large type of a lesson that is shown to a room.

const LARGE = "22px" // of the root, on which Streamlit's sizes rest
const FORWARD = ["ArrowRight", "PageDown"] // a presenter's remote sends the latter
const BACK = ["ArrowLeft", "PageUp"]
const TYPING = "input, textarea, select, [contenteditable=true], [role=slider], [role=combobox], [role=listbox], canvas"
const instances = new WeakMap()

export default function (component) {
  const { parentElement } = component
  const shown = instances.get(parentElement) ?? create(parentElement)
  instances.set(parentElement, shown)
  shown.update(component)
  return shown.destroy
}

function create(root) {
  const words = root.querySelector(".words")
  const run = root.querySelector(".run")
  let component = null
  let revealed = false
  const before = document.documentElement.style.fontSize
  document.documentElement.style.fontSize = LARGE

  const two = (number) => String(number).padStart(2, "0")

  const tick = () => {
    const { began, planned, place, due } = component.data
    const passed = Math.max(0, Date.now() / 1000 - began)
    const time = `${Math.floor(passed / 60)}:${two(Math.floor(passed % 60))}`
    words.textContent = `${time} of ${planned} min · ${place}${passed > 60 * due ? " · behind plan" : ""}`
    run.style.width = `${Math.min(100, (100 * passed) / (60 * planned))}%`
  }

  const toQuestion = () => document.querySelector(".st-key-lesson_question")?.scrollIntoView({ block: "start" })

  const pressed = (event) => {
    // A part of a page in a shadow tree hides its own target from listeners outside.
    const target = event.composedPath()[0]
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return
    if (target instanceof Element && target.closest(TYPING)) return
    const way = FORWARD.includes(event.key) ? "next" : BACK.includes(event.key) ? "back" : null
    if (!way) return
    event.preventDefault()
    component.setTriggerValue("key", way)
  }

  document.addEventListener("keydown", pressed)
  const timer = setInterval(tick, 1000)

  return {
    update(next) {
      component = next
      tick()
      // The answer stands below the question, and a room sees one screen of it.
      const now = Boolean(component.data.revealed)
      if (now && !revealed) setTimeout(toQuestion, 300)
      revealed = now
    },
    destroy() {
      document.removeEventListener("keydown", pressed)
      clearInterval(timer)
      document.documentElement.style.fontSize = before
      instances.delete(root)
    },
  }
}
