from __future__ import annotations

import subprocess
import sys

import pytest

# In a process of its own: the allocator's setting stays, and what others left would count.
SCRIPT = """
import ctypes, resource, sys
from hooks.large_blocks import return_large_blocks

if sys.argv[1] == "returned":
    return_large_blocks()
library = ctypes.CDLL(None)
library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
library.free.argtypes = [ctypes.c_void_p]

def pages():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

before = pages()
for _ in range(3):  # each is written to, or the system would not even give it
    block = library.malloc(12 * 2**20)
    ctypes.memset(block, 1, 12 * 2**20)
    library.free(block)
print(pages() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have other allocators")
@pytest.mark.parametrize(("mode", "is_kept"), [("left", True), ("returned", False)])
def test_a_large_block_goes_back_to_the_system_once_it_is_freed(mode: str, is_kept: bool) -> None:
    ran = subprocess.run([sys.executable, "-c", SCRIPT, mode], capture_output=True, text=True, check=True)
    assert (int(ran.stdout) > 6 * 2**20) is is_kept
