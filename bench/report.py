"""Tables on the terminal or in Markdown."""


def rate(packets_per_second):
    """1234567.8 -> '1.23 M'."""
    if packets_per_second >= 1e6:
        return f"{packets_per_second / 1e6:.2f} M"
    return f"{packets_per_second / 1e3:.0f} k"


class Table:
    def __init__(self, columns):
        self.rows = [columns]

    def add(self, *cells):
        self.rows.append([str(cell) for cell in cells])

    def print(self, title, markdown):
        widths = [max(len(row[i]) for row in self.rows) for i in range(len(self.rows[0]))]
        print(f"{title}\n")
        for number, row in enumerate(self.rows):
            cells = [cell.ljust(width) if i == 0 else cell.rjust(width)
                     for i, (cell, width) in enumerate(zip(row, widths))]
            print(f"| {' | '.join(cells)} |" if markdown else "  ".join(cells))
            if number == 0:
                rules = ["-" * width if i == 0 else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
                print(f"| {' | '.join(rules)} |" if markdown else "  ".join("-" * width for width in widths))
        print()
