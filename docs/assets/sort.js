// A click on a heading sorts a long table by that column: numbers by size, then words, then what is empty.
function key(row, column) {
  const text = row.cells[column].textContent.trim()
  const number = text.startsWith("inf") ? Infinity : parseFloat(text.replace(/,/g, ""))
  return { rank: text === "" || text === "–" ? 2 : Number.isNaN(number) ? 1 : 0, number, text }
}

function compare(a, b) {
  return a.rank - b.rank || (a.rank ? a.text.localeCompare(b.text) : a.number - b.number || 0)
}

for (const table of document.querySelectorAll(".md-typeset table:not([class])")) {
  const body = table.tBodies[0]
  if (!body || body.rows.length < 10) continue
  table.querySelectorAll("th").forEach((heading, column) => {
    heading.ariaSort = "none"
    heading.tabIndex = 0
    const sort = () => {
      const rising = heading.ariaSort !== "ascending"
      table.querySelectorAll("th").forEach((other) => (other.ariaSort = "none"))
      heading.ariaSort = rising ? "ascending" : "descending"
      const rows = Array.from(body.rows, (row) => ({ row, key: key(row, column) }))
      rows.sort((a, b) => {
        if (a.key.rank === 2 || b.key.rank === 2) return a.key.rank - b.key.rank
        return rising ? compare(a.key, b.key) : compare(b.key, a.key)
      })
      body.append(...rows.map(({ row }) => row))
    }
    heading.addEventListener("click", sort)
    heading.addEventListener("keydown", (event) => event.key === "Enter" && sort())
  })
}
