from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieve.documents.lines import clean
from retrieve.documents.sentences import sentence_starts


def _sentences(text):
    starts = list(sentence_starts(text))
    return [text[a:b].strip() for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]


@pytest.mark.parametrize(
    "sentence",
    [
        "El Sr. López y la Dra. Núñez comen.",
        "Volaron a EE. UU. en agosto.",
        "Véase, p. ej., la casa de enfrente.",
        "Vive en el núm. 5 de la Avda. Goya.",
        "Lo dice el art. 14 de la ley.",
        "Lo escribió J. R. R. Tolkien.",
        "Lo pintó J.-B. Corot.",
        "Mide 3.14 metros, o 3,5 con marco.",
        "Es el 1.º de la 2.ª fila.",
        "Pero… no vino... ni llamó.",
        "«¡Ven!» —dijo Ana— «¿o no?» y se fue.",
        "Murió en el 44 a. C. en Roma.",
        "Uds. Pueden pasar.",
        "3. Nombre y apellidos.",
        "Mr. Brown met Mrs. Smith vs. Jr. Jones.",
    ],
)
def test_what_is_one_sentence_stays_one(sentence):
    assert _sentences(sentence) == [sentence]


@pytest.mark.parametrize(
    "sentences",
    [
        ["Llegó tarde.", "Nadie lo esperaba."],
        ["¿Volvieron?", "¡Sí!", "¿Cuándo?"],
        ["«Nunca más.»", "Así habló."],
        ["Dijo que no.", "Luego calló."],
        ["Había sillas, mesas, etc.", "Todo ardió."],
        ["Fin…", "Otra vez...", "Y otra."],
        ["Nació en 1959.", "Era lunes."],
        ["Costó 20 euros.", "30 personas pagaron."],
        ["Se fue.", "—Adiós —dijo."],
        ["(Era de noche.)", "«Hola», dijo."],
        ["今日は。", "雨です。", "では"],
    ],
)
def test_sentences_end_at_their_marks(sentences):
    joined = "" if sentences[0].endswith("。") else " "
    assert _sentences(joined.join(sentences)) == sentences


@given(st.text(alphabet='aA1.!?…»。 SrD¿«"—', max_size=60))
def test_starts_rise_from_zero_and_never_stand_at_a_blank(text):
    text = clean(text)
    starts = list(sentence_starts(text))
    assert starts == sorted(set(starts))
    assert starts[:1] == [0] * bool(text)
    assert all(text[start] != " " for start in starts)
