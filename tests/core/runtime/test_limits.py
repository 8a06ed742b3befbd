"""CPUs and memory, as control groups of both versions leave them to a process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from textgen.core.runtime.limits import available_cpus, available_memory

MANY, LARGE = 64, 2**40  # what the machine has
NO_LIMIT = str(2**63 - 4096)  # of memory, as version 1 writes it


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """A large machine, so that what is found comes from the groups."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(MANY)), raising=False)
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": LARGE // 4096, "SC_PAGE_SIZE": 4096}.get, raising=False)


@pytest.fixture
def system(tmp_path: Path):
    """A function that writes a system's files, by their paths, and gives the folder that they are in."""

    def write(groups: str, files: dict[str, str]) -> Path:
        for name, content in {"proc/self/cgroup": groups, **files}.items():
            path = tmp_path / (name if name.startswith("proc") else f"sys/fs/cgroup/{name}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return tmp_path

    return write


def test_version_2(system):
    root = system("0::/\n", {"cpu.max": "200000 100000\n", "memory.max": "4294967296\n"})
    assert (available_cpus(root), available_memory(root)) == (2, 4 * 2**30)


def test_version_1(system):
    files = {
        "cpu,cpuacct/docker/1f/cpu.cfs_quota_us": "300000\n",
        "cpu,cpuacct/docker/1f/cpu.cfs_period_us": "100000\n",
        "memory/docker/1f/memory.limit_in_bytes": "536870912\n",
    }
    root = system("5:memory:/docker/1f\n4:cpu,cpuacct:/docker/1f\n1:name=systemd:/x\n0::/\n", files)
    assert (available_cpus(root), available_memory(root)) == (3, 512 * 2**20)


def test_a_container_of_version_1_that_does_not_see_its_groups_by_name(system):
    files = {"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "50000"}
    files["memory/memory.limit_in_bytes"] = "1000000"
    root = system("4:cpu,cpuacct:/docker/1f\n5:memory:/docker/1f\n", files)
    assert (available_cpus(root), available_memory(root)) == (2, 1_000_000)


def test_both_versions_side_by_side(system):
    """As where systemd uses the second for itself, below the folders of the first."""
    files = {"cpu/a/cpu.cfs_quota_us": "-1", "cpu/a/cpu.cfs_period_us": "100000", "unified/b/cpu.max": "500000 100000"}
    files |= {"memory/a/memory.limit_in_bytes": NO_LIMIT, "unified/b/memory.max": "max"}
    root = system("2:cpu:/a\n3:memory:/a\n0::/b\n", files)
    assert (available_cpus(root), available_memory(root)) == (5, LARGE)


@pytest.mark.parametrize("tightest", ["", "outer/", "outer/middle/", "outer/middle/inner/"])
def test_the_tightest_of_all_groups_counts(system, tightest):
    folders = ("", "outer/", "outer/middle/", "outer/middle/inner/")
    files = {f"{folder}cpu.max": "800000 100000" for folder in folders}
    files |= {f"{folder}memory.max": "8000" for folder in folders}
    files |= {f"{tightest}cpu.max": "400000 100000", f"{tightest}memory.max": "4000"}
    root = system("0::/outer/middle/inner\n", files)
    assert (available_cpus(root), available_memory(root)) == (4, 4000)


def test_groups_beside_this_process_own_do_not_count(system):
    root = system("0::/mine\n", {"other/cpu.max": "100000 100000", "mine/below/memory.max": "4000"})
    assert (available_cpus(root), available_memory(root)) == (MANY, LARGE)


@pytest.mark.parametrize(("quota", "cpus"), [("1000", 1), ("100000", 1), ("150000", 2), ("200001", 3), ("9900000", 64)])
def test_a_part_of_a_cpu_counts_as_one_and_there_are_no_more_than_there_are(system, quota, cpus):
    assert available_cpus(system("0::/\n", {"cpu.max": f"{quota} 100000"})) == cpus


GARBAGE = [
    "",
    "max\n",
    "max 100000\n",
    "-1",
    "0",
    "x y",
    "1",
    "1 2 3",
    "100000 0",
    "-5 -5",
    "1e5 100000",
    "\x00\xff",
    "9" * 5000,
]


@pytest.mark.parametrize("content", GARBAGE)
def test_what_is_no_limit(system, content):
    files = {"cpu.max": content, "cpu/cpu.cfs_quota_us": content, "cpu/cpu.cfs_period_us": "100000"}
    files |= {"memory.max": content if content != "1" else "max", "memory/memory.limit_in_bytes": NO_LIMIT}
    root = system("0::/\n1:cpu:/\n2:memory:/\n", files)
    expected = 1 if content == "1" else MANY  # version 1: a hundred-thousandth of a CPU
    assert (available_cpus(root), available_memory(root)) == (expected, LARGE)


@pytest.mark.parametrize("groups", ["", "\n", ":::", "garbage", "0::", "0::/" + "a" * 5000, "0::/../..", "1:cpu:/\x00"])
def test_groups_that_cannot_be_understood_are_no_limit(system, groups):
    root = system(groups, {})
    assert (available_cpus(root), available_memory(root)) == (MANY, LARGE)


def test_without_control_groups(tmp_path):
    assert (available_cpus(tmp_path), available_memory(tmp_path)) == (MANY, LARGE)


def test_a_system_that_tells_nothing(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.delattr(os, "sysconf")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert (available_cpus(tmp_path), available_memory(tmp_path)) == (1, None)


def test_here(monkeypatch):
    monkeypatch.undo()
    assert 1 <= available_cpus() <= (os.cpu_count() or 1)
    assert (available_memory() or 2**30) >= 2**27, "or this process would not run"
