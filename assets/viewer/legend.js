// The legend, which is also a control, and the switches of the viewer.

const LISTED = 12 // classes in the legend at once; the others are found by their name
const TOOLS = { pan: ["Pan", "Turn"], lasso: ["Lasso", "Lasso"], ruler: ["Ruler", "Ruler"] }
const TOOL_HELP = {
  pan: "Drag to move, Ctrl and the wheel to zoom, click to select",
  turn: "Drag to turn all panes together, Ctrl and the wheel to zoom, click to select",
  lasso: "Draw around samples; Shift adds, Alt removes; the line closes itself",
  ruler: "Click two samples to measure their true distance",
}

function createLegend(board, state) {
  const [tools, keys, classKeys] = [".tools", ".legend", ".classes"].map((name) => board.querySelector(name))
  const [hint, axes, clearPlace] = [".hint", ".axes", ".clear-place"].map((name) => board.querySelector(name))
  const find = element("input")
  Object.assign(find, { type: "search", oninput: () => drawClasses() })

  const toolHelp = (tool) => TOOL_HELP[tool === "pan" && !state.scene.flat ? "turn" : tool]

  const button = (text, pressed, action, title = "") => {
    const made = element("button", "switch", text)
    made.title = title
    if (pressed !== null) made.setAttribute("aria-pressed", String(pressed))
    made.onclick = action
    return made
  }

  const bunch = (...buttons) => {
    const made = element("span", "bunch")
    made.append(...buttons)
    return made
  }

  const drawTools = () => {
    const { scene } = state
    const several = scene.rounds.length > 1
    const colour = element("select", "colour")
    colour.setAttribute("aria-label", "Colour by")
    for (const [by, title] of Object.entries(BY)) {
      if (RAMPS[by] && !rampEnds(by, state.samples)) continue
      const option = element("option", "", `Colour: ${title.toLowerCase()}`)
      option.value = by
      option.selected = by === state.colour
      colour.append(option)
    }
    colour.onchange = () => state.set({ colour: colour.value })
    const chosen = state.chosen.size
    const clear = button(`Clear ${chosen.toLocaleString("en")} selected`, null, () => state.select([], "replace"))
    clear.classList.add("clear")
    // Below the picture, which would else be pushed down by a selection.
    clearPlace.replaceChildren(...(chosen ? [clear] : []))
    const reset = button("Reset", null, state.home, "The whole of the axes")
    reset.setAttribute("aria-label", "Reset view")
    tools.replaceChildren(
      bunch(...Object.entries(TOOLS).map(([tool, names]) =>
        button(names[scene.flat ? 0 : 1], state.tool === tool, () => state.set({ tool }), toolHelp(tool)))),
      ...(several ? [button("Overlay", state.overlay, () => state.set({ overlay: !state.overlay }), "One pane: the round over hollow marks of round 0, with arrows of the selection or of the 200 largest movers")] : []),
      ...(several ? [button("Trails", state.trails, () => state.set({ trails: !state.trails }), "The way of the selected samples through the rounds (at most 200)")] : []),
      ...(scene.map ? [button("Outlines", state.contours, () => state.set({ contours: !state.contours }), "Where the retained samples of each class lie densest")] : []),
      ...(scene.flat ? [button("Density", state.shaded(), () => state.set({ density: !state.shaded() }), "Shades where samples of a group pile up, each group on its own scale")] : []),
      colour,
      reset,
    )
    axes.textContent = scene.flat ? `→ ${scene.axes[0].title} · ↑ ${scene.axes[1].title}` : ""
    hint.textContent = `${toolHelp(state.tool)}. A double click on empty ground clears the selection; arrow keys change the round.`
  }

  // Click hides or shows; Alt or a double click leaves this one alone, and once more all.
  const key = (id, sign, colour, title, count, hidden, all) => {
    const made = element("button", "key")
    const mark = made.appendChild(element("span", "sign", sign))
    mark.style.color = colour
    made.append(` ${title} (${count.toLocaleString("en")})`)
    made.title = "Click to hide or show, double click to see this one alone"
    made.setAttribute("aria-pressed", String(!hidden.has(id)))
    const alone = () => {
      const others = all.filter((other) => other !== id)
      const isAlone = !hidden.has(id) && others.every((other) => hidden.has(other))
      hidden.clear()
      if (!isAlone) for (const other of others) hidden.add(other)
      state.sorted()
    }
    made.onclick = (event) => {
      // The second click of a double click: the first one has hidden this already.
      if (event.altKey || event.detail === 2) {
        if (event.detail === 2) hidden.delete(id)
        return alone()
      }
      hidden.has(id) ? hidden.delete(id) : hidden.add(id)
      state.sorted()
    }
    return made
  }

  const tally = (of, size) => {
    const counts = new Map()
    for (let i = 0; i < size; i++) counts.set(of(i), (counts.get(of(i)) ?? 0) + 1)
    return counts
  }

  // Few classes are all listed in their order, of many the most frequent ones that the search leaves.
  const drawClasses = () => {
    const { scene, samples } = state
    const byClass = state.colour === "label" || state.colour === "prediction"
    classKeys.hidden = !byClass
    if (!byClass) return
    const classOf = state.classOf()
    const classes = tally((i) => classOf[i], scene.count)
    const all = [...classes.keys()].sort((a, b) => a - b)
    const unknown = (label) => state.colour === "prediction" && label === scene.unknown
    const named = (label) => (unknown(label) ? "not recorded" : samples.name(label))
    const many = all.length > LISTED
    const sought = find.value.trim().toLowerCase()
    const found = many ? all.filter((label) => named(label).toLowerCase().includes(sought)) : all
    if (many) found.sort((a, b) => classes.get(b) - classes.get(a))
    const listed = found.slice(0, LISTED).map((label) =>
      key(label, "■", css(unknown(label) ? GREY : classColour(label)), named(label), classes.get(label), state.hiddenClasses, all))
    const rest = found.length - listed.length
    const words = [rest > 0 && `and ${rest.toLocaleString("en")} more`, !found.length && "No class is called that.",
      all.length > MOST_CLASSES && `Colours repeat after ${MOST_CLASSES} classes.`].filter(Boolean).join(". ")
    find.placeholder = `Find among ${all.length.toLocaleString("en")} classes`
    find.setAttribute("aria-label", find.placeholder)
    // The field stays where it is, with its focus, while somebody types.
    for (const child of [...classKeys.children]) if (child !== find) child.remove()
    if (!many) find.remove()
    else if (!find.isConnected) classKeys.prepend(find)
    classKeys.append(...listed, ...(words ? [element("span", "note", words)] : []))
  }

  const drawKeys = () => {
    const { scene, samples } = state
    const groups = tally((i) => samples.group[i], scene.count)
    const present = samples.groups.map((_, group) => group).filter((group) => groups.has(group))
    const items = present.map((group) => {
      const { title, symbol, colour } = samples.groups[group]
      const shade = state.colour === "group" ? colour : "inherit"
      return key(group, SIGNS[symbol], shade, title, groups.get(group), state.hidden, present)
    })
    if (RAMPS[state.colour]) {
      const ends = rampEnds(state.colour, samples)
      const ramp = element("span", "ramp")
      const bar = element("span", "bar")
      const stops = [0, 0.25, 0.5, 0.75, 1].map((share) => css(rampColour(state.colour, ends, ends[0] + share * (ends[1] - ends[0]))))
      bar.style.background = `linear-gradient(to right, ${stops.join(", ")})`
      ramp.append(String(Number(ends[0].toPrecision(2))), bar, String(Number(ends[1].toPrecision(2))))
      items.push(ramp)
    }
    if (scene.rounds.concat(scene.references).some((moment) => scene.straysAt(moment).length)) {
      items.push(element("span", "note", "◌ dashed ring: no reference here"))
    }
    keys.replaceChildren(...items)
  }

  // What had the focus keeps it, although it is made anew; where it is gone, the keys go to the panes, not to the page.
  const keepFocus = (make) => {
    const named = (control) => `${control.tagName} ${control.title} ${control.textContent}`
    const focused = board.getRootNode().activeElement
    const name = focused && ["BUTTON", "SELECT"].includes(focused.tagName) && named(focused)
    make()
    if (!name || board.getRootNode().activeElement === focused) return
    const same = [...board.querySelectorAll("button, select")].find((control) => named(control) === name)
    ;(same ?? board.querySelector(".above")).focus({ preventScroll: true })
  }

  return { draw: () => keepFocus(() => { drawTools(); drawKeys(); drawClasses() }) }
}
