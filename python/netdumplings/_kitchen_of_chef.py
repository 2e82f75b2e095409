"""The kitchen of a chef that nd-sniff runs, as far as the chef may ask about it."""


class KitchenOfChef:
    """name    what nd-sniff --kitchen-name says"""

    def __init__(self, name):
        self.name = name
        self.chefs = []

    def register_chef(self, chef):
        self.chefs.append(chef)

    def __repr__(self):
        return f"<kitchen {self.name!r} of nd-sniff>"
