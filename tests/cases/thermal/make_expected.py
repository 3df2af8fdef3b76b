"""Writes `expected.json`: temperatures over a day, computed by transformer-thermal-model.

An independent implementation of IEC 60076-7 (MPL-2.0, by Alliander). It needs a newer pandas than
the tests have, so it runs in an environment of its own:

    python3.11 -m venv E && E/bin/pip install transformer-thermal-model==0.6.0
    E/bin/python tests/cases/thermal/make_expected.py
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from transformer_thermal_model.model import Model
from transformer_thermal_model.schemas import InputProfile, UserTransformerSpecifications
from transformer_thermal_model.transformer import DistributionTransformer

STEP_S = 900
AMBIENT_C = 25.0
SURCHARGE_K = 10.0  # the library adds it to the rise of the oil: there it is part of the rise
VARIANTS = {"distribution": {}, "two gradients": {"winding_const_k21": 2.0, "oil_const_k11": 0.5}}


def main() -> None:
    steps = 96
    hours = np.arange(steps) / 4
    loading = 0.5 + 0.9 * np.exp(-(((hours - 19) / 2) ** 2)) + 0.3 * np.exp(-((hours - 12) ** 2))
    start = datetime(2026, 1, 1)  # noqa: DTZ001 - the library takes local times
    profile = InputProfile.create(
        datetime_index=[start + timedelta(seconds=STEP_S * step) for step in range(steps)],
        load_profile=(loading * 900).tolist(),
        ambient_temperature_profile=[AMBIENT_C] * steps,
    )
    cases = {}
    for name, constants in VARIANTS.items():
        specifications = UserTransformerSpecifications(
            load_loss=5200, no_load_loss=800, nom_load_sec_side=900, **constants
        )
        found = Model(
            temperature_profile=profile, transformer=DistributionTransformer(specifications)
        ).run()
        cases[name] = {
            "k11": constants.get("oil_const_k11", 1.0),
            "k21": constants.get("winding_const_k21", 1.0),
            "top_oil_c": found.top_oil_temp_profile.tolist(),
            "hot_spot_c": found.hot_spot_temp_profile.tolist(),
        }
    document = {
        "step_s": STEP_S,
        "ambient_c": AMBIENT_C,
        "top_oil_rise_k": 60.0 + SURCHARGE_K,
        "loss_ratio": 5200 / 800,
        "loading": loading.tolist(),
        "cases": cases,
    }
    Path(__file__).with_name("expected.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
