"""Unwinds through an interrupt or exception of a 32-bit kernel, whose entry code has no unwind information.

Every one of them calls its handler from handle_exception with a complete struct pt_regs on top of the stack, the
interrupted stack pointer included. Source: arch/x86/entry/entry_32.S (FIXUP_FRAME, handle_exception),
arch/x86/include/asm/ptrace.h (struct pt_regs).
"""
import gdb
from gdb.unwinder import Unwinder, register_unwinder

# The address behind the call of the handler; the debug adapter sets it when it knows where the kernel runs.
RETURN_ADDRESS = "kexec_jump_exception_return"

# Offsets in struct pt_regs, in bytes.
SAVED = {
    "ebx": 0, "ecx": 4, "edx": 8, "esi": 12, "edi": 16, "ebp": 20, "eax": 24,
    "eip": 48, "eflags": 56, "esp": 60,
}
CS = 52


class FrameId:
    def __init__(self, sp, pc):
        self.sp = sp
        self.pc = pc


class InterruptFrames(Unwinder):
    def __init__(self):
        super().__init__("kexec-jump interrupt frames")

    def __call__(self, pending):
        return_address = gdb.convenience_variable(RETURN_ADDRESS)
        if return_address is None:
            return None
        pc = pending.read_register("eip")
        if int(pc) & 0xFFFFFFFF != int(return_address) & 0xFFFFFFFF:
            return None
        sp = pending.read_register("esp")
        regs = int(sp) & 0xFFFFFFFF
        memory = gdb.selected_inferior()
        if memory.read_memory(regs + CS, 1)[0][0] & 3:
            return None  # It came from a program, which this gdb does not know.
        word = pending.architecture().integer_type(32, False)
        info = pending.create_unwind_info(FrameId(sp, pc))
        for name, offset in SAVED.items():
            info.add_saved_register(name, gdb.Value(bytes(memory.read_memory(regs + offset, 4)), word))
        return info


register_unwinder(None, InterruptFrames(), replace=True)
