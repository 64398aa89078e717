"""Tells what the code of a function is to the debugger, as a line of JSON: for where a step by line may end, and what it calls.

gdb itself decides at each instruction from these: the line table's entry, whether it begins a statement, and the inlined
functions there. Source: gdb/infrun.c (process_event_stop_test), gdb/inline-frame.c (skip_inline_frames).
"""
import json
import re

import gdb

INSTRUCTION = re.compile(r"^(?:=>|  ) 0x([0-9a-f]+) <\+\d+>:\t(.*)$", re.M)


class Table:
    """Numbers things in the order in which they come."""

    def __init__(self):
        self.rows = []
        self.numbers = {}

    def number(self, key, row):
        if key not in self.numbers:
            self.numbers[key] = len(self.rows)
            self.rows.append(row)
        return self.numbers[key]


class CodeMap:
    def __init__(self, pc):
        self.files = Table()
        self.lines = Table()
        self.inlined = Table()
        self.statements = {}
        self.name = ""
        self.labels = []
        text = gdb.execute(f"with disassembly-flavor att -- disassemble {pc}", to_string=True)
        self.instructions = [self.instruction(int(at, 16), code) for at, code in INSTRUCTION.findall(text)]

    def instruction(self, pc, code):
        return [pc, code, self.line(pc), self.block(pc)]

    def line(self, pc):
        sal = gdb.find_pc_line(pc)
        if not sal.symtab or not sal.line:
            return -1
        key = (sal.pc, sal.line)
        if key in self.lines.numbers:
            return self.lines.numbers[key]
        file = self.files.number(sal.symtab.filename, sal.symtab.filename)
        return self.lines.number(key, [sal.pc, sal.last + 1, file, sal.line, self.begins_statement(sal)])

    def begins_statement(self, sal):
        key = (sal.symtab.filename, sal.line)
        if key not in self.statements:
            entries = sal.symtab.linetable().line(sal.line)
            self.statements[key] = {entry.pc for entry in entries or ()}
        return int(sal.pc in self.statements[key])

    def block(self, pc):
        """The innermost inlined function at an address; -1 is the function itself."""
        chain = []
        block = gdb.block_for_pc(pc)
        while block and not block.is_static and not block.is_global:
            if block.function:
                chain.append(block)
            block = block.superblock
        number = -1
        if chain and not self.name:
            self.name = chain[-1].function.name
            self.labels = [
                [label.name, label.line, int(label.value())]
                for label in chain[-1]
                if label.addr_class == gdb.SYMBOL_LOC_LABEL
            ]
        for block in reversed(chain[:-1]):
            function = block.function
            file = self.files.number(function.symtab.filename, function.symtab.filename)
            key = (number, block.start, block.end, function.name, function.line)
            number = self.inlined.number(key, [function.name, number, block.end, file, function.line])
        return number


def kexec_jump_code_map(pc):
    code = CodeMap(pc)
    print(json.dumps({
        "name": code.name, "files": code.files.rows, "lines": code.lines.rows, "inlined": code.inlined.rows,
        "instructions": code.instructions, "labels": code.labels,
    }, separators=(",", ":")))
