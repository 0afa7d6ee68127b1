"""Who is on CelebA's pictures."""

from __future__ import annotations

import pytest
import torch

from stargan_cli.datasets.celeba_people import people
from stargan_cli.datasets.labelled import Labelled
from stargan_cli.errors import DataError
from stargan_cli.labels import LabelSet


def labelled(tmp_path, *files: str, kind: str = "attributes") -> Labelled:
    folder = tmp_path / "img_align_celeba"
    folder.mkdir(exist_ok=True)
    return Labelled(LabelSet("celeba", ("a",), kind=kind), folder, files, torch.zeros(len(files), 1))


def test_each_picture_has_a_person(tmp_path):
    (tmp_path / "identity_CelebA.txt").write_text("2.jpg 77\n1.jpg 5\n\n3.jpg 77\n")
    assert people(labelled(tmp_path, "1.jpg", "2.jpg", "3.jpg")) == {"1.jpg": "5", "2.jpg": "77", "3.jpg": "77"}


def test_the_table_may_lie_one_folder_above_and_name_other_suffixes(tmp_path):
    inner = tmp_path / "celeba"
    inner.mkdir()
    (tmp_path / "identity_CelebA.txt").write_text("1.jpg 5\n")
    assert people(labelled(inner, "1.png")) == {"1.png": "5"}


def test_the_table_is_found_where_celebas_own_download_has_it(tmp_path):
    for folder in ("Img", "Anno"):
        (tmp_path / folder).mkdir()
    (tmp_path / "Anno" / "identity_CelebA.txt").write_text("\ufeff1.jpg 5\n2.jpg 6\n", encoding="utf-8")
    assert people(labelled(tmp_path / "Img", "1.jpg", "2.jpg")) == {"1.jpg": "5", "2.jpg": "6"}


def test_without_table_nobody_is_known_and_with_gaps_the_others_are(tmp_path):
    assert people(labelled(tmp_path, "1.jpg")) is None
    (tmp_path / "identity_CelebA.txt").write_text("2.jpg 77\n")
    assert people(labelled(tmp_path, "1.jpg", "2.jpg")) == {"2.jpg": "77"}
    assert people(labelled(tmp_path, "2.jpg", kind="classes")) is None


def test_a_table_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "identity_CelebA.txt").write_bytes(b"\x1f\x8b")
    with pytest.raises(DataError, match=r"cannot read .*identity_CelebA\.txt: it is compressed with gzip"):
        people(labelled(tmp_path, "1.jpg"))


@pytest.mark.parametrize(
    "text",
    [
        "1.jpg,5\n2.jpg,77\n",
        '"1.jpg";"5"\n"2.jpg";"77"\n',
        "image_id\tidentity\n1.jpg\t5\n2.jpg\t77\n",
        "2\nidentity\n1.jpg 5\n2.jpg 77\n",
        "img_align_celeba\\1.jpg 5\r\nimg_align_celeba/2.jpg 77\r\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_the_table_may_be_written_as_celebas_other_tables_may_be(tmp_path, text, encoding):
    (tmp_path / "identity_CelebA.txt").write_text(text, encoding=encoding)
    assert people(labelled(tmp_path, "1.jpg", "2.jpg")) == {"1.jpg": "5", "2.jpg": "77"}


def test_the_table_may_be_one_as_on_kaggle(tmp_path):
    (tmp_path / "identity_CelebA.csv").write_text(",image_id,identity\n0,1.jpg,5\n1,2.jpg,77\n")
    assert people(labelled(tmp_path, "1.jpg", "2.jpg")) == {"1.jpg": "5", "2.jpg": "77"}
