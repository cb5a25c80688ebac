#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Caravan authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walks every page of a running window over the AT-SPI bus, as a screen reader does; at_spi_walk.sh starts both.

Says per page how many nodes are shown, how many of them are controls, tables and cells, and what is wrong: a control
without a name or a role, a picture without a name, a table that gives no cells, a Tab or an arrow key after which the
new focus was not announced with a name. Ends with 1 where something is."""
import sys
import time

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402

CONTROLS = {"push button", "toggle button", "check box", "radio button", "combo box", "text", "entry", "spin button",
            "slider", "page tab", "menu item", "check menu item", "radio menu item", "link", "tree", "table", "list"}
TABLES = {"table", "tree", "tree table"}
NO_ROLES = {"unknown", "invalid", "redundant object"}
WALKED = 8  # tables this small are walked by cells, of others the first ones
TABS = 45
KEYS = {"Tab": 0xFF09, "Left": 0xFF51, "Up": 0xFF52, "Right": 0xFF53, "Down": 0xFF54}

heard = []


def pump(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        while GLib.MainContext.default().iteration(False):
            pass
        time.sleep(0.005)


def has(node, state):
    return node.get_state_set().contains(state)


def shown(node):
    return has(node, Atspi.StateType.SHOWING) and has(node, Atspi.StateType.VISIBLE)


def name_of(node):
    """Its own name, or that of what labels it."""
    name = node.get_name()
    if name.strip():
        return name
    for relation in node.get_relation_set():
        if relation.get_relation_type() == Atspi.RelationType.LABELLED_BY and relation.get_n_targets():
            return relation.get_target(0).get_name()
    return ""


def words(node):
    return f"{node.get_role_name()} '{name_of(node)}'"


def children(node):
    for i in range(node.get_child_count()):
        child = node.get_child_at_index(i)
        if child is not None:
            yield child


def press(key):
    del heard[:]
    Atspi.generate_keyboard_event(KEYS[key], None, Atspi.KeySynthType.SYM)
    for _ in range(30):
        pump(0.02)
        if heard:
            break
    pump(0.03)
    return heard[-1] if heard else None


class Walk:
    def __init__(self):
        self.nodes = self.controls = self.cells = self.announced = self.links = 0
        self.tables, self.problems = [], []

    def problem(self, text):
        if text not in self.problems:
            self.problems.append(text)

    def table(self, node, path):
        grid = node.get_table_iface()
        if grid is None:
            return self.problem(f"no table interface: {words(node)} in {path}")
        rows, columns = Atspi.Table.get_n_rows(grid), Atspi.Table.get_n_columns(grid)
        self.tables.append(f"{rows} x {columns}")
        for row in range(min(rows, WALKED)):
            for column in range(min(columns, WALKED)):
                cell = Atspi.Table.get_accessible_at(grid, row, column)
                if cell is None:
                    self.problem(f"no cell {row}, {column}: {words(node)} in {path}")
                    return
                self.cells += 1

    def visit(self, node, path, depth=0):
        if depth > 60 or not shown(node):
            return
        self.nodes += 1
        role, name = node.get_role_name(), name_of(node)
        if has(node, Atspi.StateType.FOCUSABLE) or role in CONTROLS:
            self.controls += 1
            if not name.strip():
                self.problem(f"no name: {role} in {path}")
            if role in NO_ROLES | {"filler"}:
                self.problem(f"role '{role}' of a control: '{name}' in {path}")
        elif role in {"image", "icon"} and not (name + (node.get_description() or "")).strip():
            self.problem(f"no name: {role} in {path}")
        if role in TABLES:
            return self.table(node, path)
        if role == "menu bar":
            return
        for child in children(node):
            self.visit(child, f"{path} > {name or role}" if name else path, depth + 1)


def good(node):
    return name_of(node).strip() and node.get_role_name() not in NO_ROLES | {"filler"}


def arrows(walk, at):
    """Arrow keys where the focus is on a table or one of its cells: other cells are announced, with names."""
    table = at if at.get_role_name() in TABLES else at.get_parent()
    grid = table.get_table_iface() if table is not None and table.get_role_name() in TABLES else None
    if grid is None or Atspi.Table.get_n_rows(grid) * Atspi.Table.get_n_columns(grid) < 2:
        return
    said = [words(node) for node in map(press, ("Left", "Up", "Right", "Down", "Left", "Up")) if node is not None]
    walk.announced += len(said)
    if not said:
        walk.problem(f"arrow keys in {words(table)} announced nothing")
    for text in said:
        if text.endswith(" ''"):
            walk.problem(f"arrow keys in {words(table)}: {text}")


def tab_round(walk):
    """Tab until the focus comes round again: each step is announced, with a name and a role."""
    names = []
    while len(names) < TABS:
        at = press("Tab")
        after = f"Tab after {names[-1] if names else 'the start'}"
        if at is None and names and names[-1].startswith("label "):
            walk.links += 1  # a link in a text is a stop of its own, which Qt does not announce
            names.append("a link")
            continue
        if at is None:
            walk.problem(f"{after}: no focus was announced")
            names.append("nothing")
            continue
        said = words(at)
        if names and said == names[0]:
            break
        if not good(at):
            walk.problem(f"{after}: focus on {said}")
        names.append(said)
        arrows(walk, at)
    return len(names)


def main():
    window = sys.argv[1] if len(sys.argv) > 1 else "caravan"
    Atspi.init()
    Atspi.set_timeout(10000, 30000)  # ms; a machine may be busy
    listener = Atspi.EventListener.new(lambda event: heard.append(event.source) if event.detail1 else None)
    listener.register("object:state-changed:focused")
    app = None
    for _ in range(200):
        app = next((a for a in children(Atspi.get_desktop(0)) if a.get_name() == window), None)
        if app is not None and app.get_child_count():
            break
        pump(0.1)
    if app is None:
        sys.exit(f"no program '{window}' on the accessibility bus")
    frame = app.get_child_at_index(0)
    bad = 0

    def find(node, test, depth=0):
        if test(node):
            return node
        for child in children(node) if depth < 8 else []:
            found = find(child, test, depth + 1)
            if found is not None:
                return found
        return None

    rail = None
    for _ in range(300):  # a project opens
        rail = find(frame, lambda n: n.get_name() == "Pages" and shown(n))
        if rail is not None:
            break
        pump(0.1)
    if rail is None:
        sys.exit("the rail of the pages is not shown: is a project open?")
    pages = [node for node in children(rail) if node.get_name().strip() and node.get_action_iface() is not None]
    for page in pages:
        page.get_action_iface().do_action(0)
        pump(2.0)
        walk = Walk()
        walk.visit(frame, page.get_name())
        stops = tab_round(walk)
        print(f"{page.get_name():9} {walk.nodes:4} nodes, {walk.controls:3} controls, {stops:2} stops by Tab ({walk.links} silent links), "
              f"{len(walk.tables)} tables ({', '.join(walk.tables)}), {walk.cells} cells asked, "
              f"{walk.announced} arrow keys announced: {len(walk.problems)} problems", flush=True)
        for text in walk.problems:
            print("   ", text)
        bad += len(walk.problems)
    print("0 problems" if bad == 0 else f"{bad} problems")
    sys.exit(bad != 0)


main()
