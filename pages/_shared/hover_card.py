"""A card with the sample's image that follows the pointer over a Plotly chart.

Plotly's own hover labels hold text only. This component listens to the chart's hover events in the
browser and cuts the image out of one sprite, so that nothing has to be fetched per sample.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

import streamlit as st


@dataclass(frozen=True)
class Sprite:
    """One PNG with the images of all plotted samples in square tiles, row by row.

    Attributes:
        png: the file's bytes.
        columns: images per row; image i lies in row i // columns.
        names: what each sample is called, fit to be shown; empty where they have no names.
    """

    png: bytes
    columns: int
    names: tuple[str, ...] = ()


_HTML = '<div class="card" role="status" hidden><div class="image"></div><div class="text"></div></div>'

_CSS = """
.card {
  position: fixed; z-index: 1000; display: flex; gap: 10px; align-items: center; pointer-events: none;
  padding: 8px 10px; border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius);
  background: var(--st-background-color); color: var(--st-text-color);
  font: 13px/1.45 var(--st-font); box-shadow: 0 3px 14px rgba(0, 0, 0, 0.3);
}
.card[hidden] { display: none; }
.image { width: 96px; height: 96px; flex: none; background-repeat: no-repeat; image-rendering: pixelated; }
.image[hidden] { display: none; }
.text div { white-space: nowrap; }
.text b { font-weight: 600; }
"""

_JS = """
const SIDE = 96
const REACH = 70 // px around the pointer that belong to Plotly's own label
const instances = new WeakMap()

export default function (component) {
  const { data, parentElement } = component
  const card = instances.get(parentElement) ?? create(parentElement)
  instances.set(parentElement, card)
  card.update(data)
  return card.destroy
}

function create(root) {
  const card = root.querySelector(".card")
  const image = root.querySelector(".image")
  const text = root.querySelector(".text")
  let data = null
  let chart = null
  let picture = null

  const hide = () => { card.hidden = true }

  const line = (bold, rest) => {
    const row = document.createElement("div")
    const strong = document.createElement("b")
    strong.textContent = bold
    row.append(strong, rest)
    return row
  }

  // Traces of one group list the same samples in the same order, so a position names a sample in every pane.
  const predictions = (group, position) => {
    const moments = new Map()
    for (const { meta, text: names } of chart.data) {
      if (!names || meta?.group !== group || moments.has(meta.round)) continue
      const moment = meta.round === null ? "Reference" : meta.round === 0 ? "Before" : `Round ${meta.round}`
      moments.set(meta.round, line(`${moment}: `, `predicted ${names[position]}`))
    }
    return [...moments.values()]
  }

  const show = (event) => {
    const point = event.points?.[0]
    const meta = point?.data?.meta
    if (!point?.customdata || !meta) return hide()
    const name = data.names[Math.round(point.customdata[0])]
    if (picture) {
      const row = Math.round(point.customdata[0])
      const across = row % data.columns
      const down = Math.floor(row / data.columns)
      image.dataset.row = row
      image.style.backgroundPosition = `${-across * SIDE}px ${-down * SIDE}px`
    }
    const [who, ...rest] = String(point.hovertext ?? "").split("<br>")
    text.replaceChildren(
      line(who, ""), ...[name, ...rest].filter(Boolean).map((words) => line("", words)),
      ...predictions(meta.group, point.pointNumber),
    )
    card.hidden = false
    const box = card.getBoundingClientRect()
    const { clientX: x, clientY: y } = event.event
    const left = Math.min(x - box.width / 2, window.innerWidth - box.width - 8)
    const fits = y + REACH + box.height < window.innerHeight
    card.style.left = `${Math.max(8, left)}px`
    card.style.top = `${Math.max(8, fits ? y + REACH : y - REACH - box.height)}px`
  }

  const release = () => {
    hide()
    chart?.removeListener?.("plotly_hover", show)
    for (const name of ["plotly_unhover", "plotly_animatingframe", "plotly_relayouting"]) {
      chart?.removeListener?.(name, hide)
    }
    chart = null
  }

  // The chart may mount after this component, and Streamlit replaces it when the figure changes. So it is
  // looked up whenever the pointer enters something, which is before Plotly can report a point.
  const attach = () => {
    const found = data && document.querySelector(`.st-key-${CSS.escape(data.chart)} .js-plotly-plot`)
    if (!found?.on || found === chart) return
    release()
    chart = found
    chart.on("plotly_hover", show)
    for (const name of ["plotly_unhover", "plotly_animatingframe", "plotly_relayouting"]) chart.on(name, hide)
  }

  const paint = (png) => {
    if (picture) URL.revokeObjectURL(picture)
    const bytes = png && Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0))
    picture = bytes ? URL.createObjectURL(new Blob([bytes], { type: "image/png" })) : null
    image.hidden = !picture
    image.style.backgroundImage = picture ? `url(${picture})` : ""
  }

  document.addEventListener("pointerover", attach, true)

  return {
    update(next) {
      if (next.png !== data?.png) paint(next.png)
      data = next
      image.style.backgroundSize = `${data.columns * SIDE}px auto`
      attach()
    },
    destroy() {
      document.removeEventListener("pointerover", attach, true)
      release()
      paint(null)
      instances.delete(root)
    },
  }
}
"""

_CARD = st.components.v2.component("unlearnscope_hover_card", html=_HTML, css=_CSS, js=_JS)


def hover_card(chart: str, sprite: Sprite | None, *, key: str) -> None:
    """Shows a card with image, class and predictions of the sample under the pointer.

    Args:
        chart: key of the chart, or of a container around it. Its traces carry ``meta.group``, ``meta.round``,
            ``text`` (predictions) and ``hovertext``; the first custom value is the image's place in the sprite.
        sprite: images of the plotted samples; without it the card holds text only.
        key: of this component.
    """
    png = base64.b64encode(sprite.png).decode() if sprite else None
    columns, names = (sprite.columns, sprite.names) if sprite else (1, ())
    _CARD(data={"chart": chart, "png": png, "columns": columns, "names": list(names)}, key=key, height=1)
