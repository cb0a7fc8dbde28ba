"use strict"
// What stands in for the dashboard on a page from disk: it gives the viewer its messages and its data, and joins the
// viewer's round with the slider, the curves and the distributions of the page.

;(() => {
  const page = JSON.parse(document.getElementById("page").textContent)
  const { rounds, titles } = page
  const place = document.getElementById("viewer")
  const slider = document.querySelector(".rounds input")
  const label = document.querySelector(".rounds output")
  let number = rounds.at(-1)
  let view = 0
  let board = null

  const bytesOf = (id) => {
    const text = atob(document.getElementById(id).textContent)
    const found = new Uint8Array(text.length)
    for (let k = 0; k < text.length; k++) found[k] = text.charCodeAt(k)
    return found
  }

  // Hands a message to the viewer; returns the stamp that the viewer knows it by.
  const carry = (id) => {
    const data = bytesOf(id)
    openMessage({ data, parentElement: document.createElement("i") })
    const size = new DataView(data.buffer).getUint32(0, true)
    return JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + size))).stamp
  }

  // Everything on the page but the viewer shows a round.
  const show = (wanted) => {
    number = wanted
    const k = rounds.indexOf(number)
    slider.value = k
    label.textContent = titles[k]
    slider.setAttribute("aria-valuetext", titles[k])
    for (const layer of document.querySelectorAll("g.moment")) {
      const here = Number(layer.dataset.round) === Math.max(number, rounds[1] ?? 0)
      layer.classList.toggle("here", here)
      if (here) layer.closest("figure").querySelector("figcaption").textContent = layer.dataset.title
    }
    for (const line of document.querySelectorAll("path.here")) {
      const x = Number(line.dataset.x) + number * Number(line.dataset.step)
      line.setAttribute("transform", `translate(${x} 0)`)
    }
  }

  const refuse = () => {
    place.hidden = true
    document.getElementById("missing").hidden = false
  }

  const root = place.attachShadow({ mode: "open" })
  root.append(document.getElementById("viewer-parts").content.cloneNode(true))
  let stamps = null

  const draw = () => {
    const messages = { scene: stamps.views[view], samples: stamps.samples, ...(stamps.sprite && { sprite: stamps.sprite }) }
    const data = { memory: page.run, run: page.run, messages, selected: [], revision: 0, shown: number, alt: page.views[view] }
    openViewer({ data, parentElement: root, setStateValue: (name, value) => {
      if (name === "drawing" && value === "none") refuse()
      // What was reported comes back, as it does from a server.
      if (name === "round" && value !== null) setTimeout(() => { show(value); draw() })
    } })
  }

  slider.addEventListener("input", () => {
    show(rounds[Number(slider.value)])
    if (stamps) draw()
  })
  for (const button of document.querySelectorAll(".views button")) {
    button.addEventListener("click", () => {
      view = Number(button.dataset.view)
      for (const other of document.querySelectorAll(".views button")) {
        other.setAttribute("aria-pressed", String(other === button))
      }
      for (const words of document.querySelectorAll("[data-words]")) words.hidden = Number(words.dataset.words) !== view
      draw()
    })
  }
  show(number)

  // After the first picture of the page: reading the messages takes a moment.
  requestAnimationFrame(() => setTimeout(() => {
    stamps = {
      views: page.views.map((_, k) => carry(`scene-${k}`)),
      samples: carry("samples"),
      sprite: document.getElementById("sprite") ? carry("sprite") : null,
    }
    draw()
    board = root.querySelector(".board")
    // While the viewer plays or is scrubbed, the page follows at every round.
    const told = root.querySelector(".scrubber .round")
    if (told) {
      new MutationObserver(() => {
        const now = board.inspect?.().number
        if (now !== undefined && now !== null && now !== number) show(now)
      }).observe(told, { childList: true, characterData: true, subtree: true })
    }
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw)
  }))
})()
