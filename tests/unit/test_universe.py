"""The static data that is shipped, and how it is made."""

import gzip
import sys
import tracemalloc
from pathlib import Path

import pytest

from notifier.killmail import decode_archived
from notifier.universe import SPACES, DataError, display_security, load
from notifier.universe.data import FILE, encode
from ops.universe_data import build

REAL = Path(__file__).parent.parent / "data" / "killmails.jsonl.gz"


@pytest.fixture(scope="module")
def universe():
    return load()


@pytest.mark.parametrize(
    ("name", "space", "shown", "wormhole_class", "region"),
    [
        ("Jita", "highsec", 0.9, None, "The Forge"),
        ("Amamake", "lowsec", 0.4, None, "Heimatar"),
        ("1DQ1-A", "nullsec", -0.4, None, "Delve"),
        ("Thera", "wormhole", -1.0, "Thera", "G-R00031"),
        ("Niarja", "pochven", -1.0, None, "Pochven"),
        ("J100744", "wormhole", -1.0, "C1", "A-R00001"),
        ("J115405", "wormhole", -1.0, "C5", "E-R00028"),
        ("Iosantin", "highsec", 0.5, None, "Derelik"),
        ("Vestouve", "lowsec", 0.1, None, "Placid"),
    ],
)
def test_a_system_is_known_by_name_with_its_place_and_space(universe, name, space, shown, wormhole_class, region):
    [found] = universe.find("system", name.upper())
    system = universe.system(found)
    assert (system.name, system.space, system.wormhole_class) == (name, space, wormhole_class)
    assert display_security(system.security) == shown
    assert universe.region(system.region_id).name == region
    assert universe.constellation(system.constellation_id).region_id == system.region_id


def test_every_space_has_systems_and_no_other_is_named(universe):
    spaces = {universe.system(system_id).space for system_id in universe._systems.names}
    assert spaces == SPACES


def test_types_groups_factions_and_npc_corporations_are_named(universe):
    rifter = universe.type(587)
    assert (rifter.name, universe.group_name(rifter.group_id), universe.group_of(587)) == ("Rifter", "Frigate", 25)
    assert universe.faction_name(500001) == "Caldari State"
    assert universe.npc_corporation_name(1000002) == "CBD Corporation"


def test_what_is_not_known_is_none_and_never_an_error(universe):
    assert universe.system(1) is universe.type(1) is universe.region(1) is universe.constellation(1) is None
    assert universe.group_name(-1) is universe.faction_name(1) is universe.npc_corporation_name(98000001) is None
    assert universe.find("system", "nowhere") == ()


def test_a_ship_is_found_and_what_cannot_fly_is_not(universe):
    assert universe.find("ship_type", " rifter ") == (587,)
    assert universe.find("ship_group", "frigate") == (25,)
    assert universe.find("ship_type", "Rifter Blueprint") == ()


def test_the_closest_name_is_suggested_as_it_is_written(universe):
    assert universe.suggest("system", "jitta") == "Jita"
    assert universe.suggest("ship_type", "Riffter") == "Rifter"
    assert universe.suggest("region", "xxxxxxxxxx") is None


def test_every_place_and_ship_of_the_real_killmails_is_known(universe):
    for line in gzip.decompress(REAL.read_bytes()).splitlines():
        killmail = decode_archived(line)
        assert universe.system(killmail.solar_system_id), killmail.solar_system_id
        assert universe.type(killmail.victim.ship_type_id), killmail.victim.ship_type_id


@pytest.mark.parametrize(
    ("raw", "shown"),
    [(0.9459, 0.9), (0.45, 0.5), (0.03, 0.1), (0.0, 0.0), (-0.04, 0.0), (-0.05, 0.0), (-0.99, -1.0), (1.0, 1.0)],
)  # fmt: skip
def test_security_is_shown_as_the_game_does(raw, shown):
    assert display_security(raw) == shown
    assert str(display_security(raw)) == str(shown)


def test_the_data_stay_small_in_the_wheel_and_in_memory():
    assert FILE.stat().st_size < 1_500_000
    tracemalloc.start()
    try:
        kept = load()
        assert tracemalloc.get_traced_memory()[0] < 15_000_000
        assert kept is not None
    finally:
        tracemalloc.stop()


def test_loading_makes_little_more_than_a_string_and_a_number_for_each_name():
    before = sys.getallocatedblocks()
    kept = load()
    entities = sum(len(names.names) for names in kept._names.values())
    assert sys.getallocatedblocks() - before < 4 * entities


@pytest.mark.parametrize("content", [None, b"", b"nonsense"])
def test_a_data_file_that_cannot_be_read_is_one_clear_error(tmp_path, content):
    path = tmp_path / "universe.bin"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match="found no readable static data"):
        load(path)


def test_the_data_file_is_built_from_csv_the_same_each_time(tmp_path):
    files = {
        "systems": "system_id,name,security,constellation_id,region_id,wormhole_class_id,space\n"
        "31000002,J1,-0.99,20,10,5,wormhole\n30000001,Tanoo,0.858,20,10,,highsec\n"
        "30000002,Lashesih,0.751,20,10,,highsec\n",
        "positions": "system_id,x_m,y_m,z_m\n30000002,0,9.4607304725808e15,0\n30000001,0,0,0\n31000002,7e18,0,0\n",
        "jumps": "from_system_id,to_system_id\n30000001,30000002\n",
        "constellations": "constellation_id,name,region_id\n20,San Matar,10\n",
        "regions": "region_id,name\n10,Derelik\n",
        "types": "type_id,name,group_id,group_name,category_id\n587,Rifter,25,Frigate,6\n",
        "factions": "faction_id,name\n500001,Caldari State\n",
        "npc_corporations": "corporation_id,name\n1000001,Doomheim\n",
    }
    for name, text in files.items():
        (tmp_path / f"{name}.csv").write_text(text)
    written = encode(build(tmp_path))
    assert written == encode(build(tmp_path))
    path = tmp_path / "universe.bin"
    path.write_bytes(written)
    small = load(path)
    assert (small.system(31000002).wormhole_class, small.system(30000001).space) == ("C5", "highsec")
    assert small.find("ship_type", "rifter") == (587,)
    assert [small.jumps(30000002, to) for to in (30000001, 30000002, 31000002)] == [1, 0, None]
    assert [small.light_years(30000001, to) for to in (30000001, 30000002, 31000002)] == [0.0, 1.0, None]
