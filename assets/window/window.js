// Tells Python whether the window is as narrow as a phone's, at first and whenever that changes.

const watched = new WeakMap()

export default function ({ data, parentElement, setStateValue }) {
  const own = watched.get(parentElement) ?? { query: matchMedia(`(max-width: ${data.px}px)`), told: null }
  watched.set(parentElement, own)
  const look = () => {
    const seen = own.query.matches
    // Once for each change: what Python was told, it may not have drawn with yet.
    if (seen !== (own.told ?? data.narrow)) setStateValue("narrow", seen)
    own.told = seen
  }
  own.query.onchange = look
  look()
  // A query with a listener outlives its element.
  return () => {
    own.query.onchange = null
    watched.delete(parentElement)
  }
}
