// The card beside the pointer: image, who the sample is, and what the model says of it at each moment shown.

const SIDE = 96
const SIGNS = { x: "✕", circle: "●", diamond: "◆" }

function createCard(card, state) {
  const image = card.appendChild(element("div", "image"))
  const text = card.appendChild(element("div", "text"))
  let picture = null
  let columns = 1
  let names = []

  const percent = (share) => (share >= 0.9995 ? "100 %" : `${(100 * share).toFixed(1)} %`)
  const signed = (value) => (value > 0 ? "+" : "") + Number(value.toPrecision(3))
  const plain = (value) => String(Number(value.toPrecision(3)))

  const MEASURES = [
    ["Loss", "loss", plain],
    ["Cosine to round 0", "cosine", (value) => value.toFixed(3)],
    ["To the boundary", "boundary", signed],
  ]

  const table = (i, moments) => {
    const { scene, samples } = state
    const found = element("table")
    const add = (title, values, kind = "td") => {
      const row = found.appendChild(element("tr"))
      row.append(element("th", "", title), ...values.map((value) => element(kind, "", value)))
    }
    const keys = moments.map((moment) => scene.moments[moment].key)
    add("", moments.map((moment) => scene.moments[moment].title), "th")
    add("Predicted", moments.map((moment) => {
      const label = scene.predictionAt(moment)[i]
      return label === scene.unknown ? "–" : samples.name(label)
    }))
    const top3 = keys.map((key) => samples.top3(key, i))
    for (let place = 0; place < Math.max(...top3.map((best) => best.length)); place++) {
      add(`Top ${place + 1}`, top3.map((best) => (best[place] ? `${best[place][0]} ${percent(best[place][1])}` : "–")))
    }
    for (const [title, measure, form] of MEASURES) {
      const values = keys.map((key) => samples.value(measure, key, i))
      if (values.some(Number.isFinite)) add(title, values.map((value) => (Number.isFinite(value) ? form(value) : "–")))
    }
    return found
  }

  return {
    hide: () => { card.hidden = true },
    show(i, moments, event) {
      const { scene, samples } = state
      const group = samples.groups[samples.group[i]]
      const head = element("div", "who")
      const sign = head.appendChild(element("span", "sign", SIGNS[group.symbol]))
      sign.style.color = group.colour
      head.append(` ${group.title} · ${samples.test[i] ? "test" : "train"} sample ${samples.sample[i]}`)
      const [label, truth] = [samples.name(samples.label[i]), samples.name(samples.truth[i])]
      const called = names[i] ? [element("div", "", names[i])] : []
      const labelled = label === truth ? `class ${label}` : `labelled ${label}, truly ${truth}`
      const parts = [head, ...called, element("div", "", labelled)]
      parts.push(table(i, moments))
      const lost = moments.filter((moment) => scene.straysAt(moment).includes(i))
      if (lost.length) {
        const where = lost.map((moment) => scene.moments[moment].title).join(", ")
        parts.push(element("div", "stray", `◌ The map has no reference here (${where}).`))
      }
      text.replaceChildren(...parts)
      if (picture) {
        image.dataset.row = samples.rows[i]
        image.style.backgroundPosition = `${-(i % columns) * SIDE}px ${-Math.floor(i / columns) * SIDE}px`
      }
      card.hidden = false
      const size = card.getBoundingClientRect()
      // Never over the sidebar: beside the pointer where there is room, else at the viewer's own edge.
      const edge = Math.max(8, card.parentElement.getBoundingClientRect().left)
      const left = event.clientX + 18 + size.width < window.innerWidth ? event.clientX + 18 : event.clientX - 18 - size.width
      const top = Math.min(event.clientY + 14, window.innerHeight - size.height - 8)
      card.style.left = `${Math.max(edge, left)}px`
      card.style.top = `${Math.max(8, top)}px`
    },
    // Takes the images of all samples in one picture, or null.
    paint(message) {
      if (picture) URL.revokeObjectURL(picture)
      picture = message ? URL.createObjectURL(new Blob([part(message, "png", Uint8Array)], { type: "image/png" })) : null
      columns = message?.header.columns ?? 1
      names = message?.header.names ?? []
      image.hidden = !picture
      image.style.backgroundImage = picture ? `url(${picture})` : ""
      image.style.backgroundSize = `${columns * SIDE}px auto`
    },
  }
}
