"""What an afternoon gives: ComParE functionals, dlib's mean face, linear SVMs, the product of their posteriors.

python benchmarks/afternoon_script.py FOLDER OUT.csv: FOLDER has a manifest.csv with clip_id, path, speaker, emotion;
tests each speaker in turn, or each value of a column `fold`. Weights: `python -m pipeline weights fetch NAME` for
dlib_landmarks_5 and dlib_face_recognition.
"""

import sys
from pathlib import Path

import av
import dlib
import numpy as np
import opensmile
import pandas as pd
from sklearn import calibration, metrics, pipeline, preprocessing, svm

WEIGHTS = [next(Path.home().glob(f".cache/avemotion/weights/dlib_{name}/*.dat")) for name in ("landm*_5", "face_r*")]
POINTS, FACE = dlib.shape_predictor(str(WEIGHTS[0])), dlib.face_recognition_model_v1(str(WEIGHTS[1]))
SMILE, DETECT = opensmile.Smile("ComParE_2016", "func"), dlib.get_frontal_face_detector()


def voice(path):
    with av.open(path) as file:
        mono = av.AudioResampler("flt", "mono", 16000)
        blocks = [block.to_ndarray() for frame in [*file.decode(audio=0), None] for block in mono.resample(frame)]
    return SMILE.process_signal(np.concatenate(blocks, 1)[0], 16000).to_numpy()[0]


def face(path):  # of every fifth frame the first face
    with av.open(path) as file:
        frames = [f.to_ndarray(format="rgb24") for f in list(file.decode(video=0))[::5]] if file.streams.video else []
    found = [FACE.compute_face_descriptor(f, POINTS(f, box)) for f in frames for box in DETECT(f)[:1]]
    return np.mean(found, 0) if found else np.zeros(128)


clips = pd.read_csv(Path(sys.argv[1], "manifest.csv"), dtype=str, keep_default_na=False)
folds, truth, names = clips.get("fold", clips["speaker"]).to_numpy(), clips["emotion"], np.unique(clips["emotion"])
scores = {}
for name, extract in (("voice", voice), ("face", face)):
    rows = np.nan_to_num([extract(str(Path(sys.argv[1], path))) for path in clips["path"]])
    scores[name] = np.zeros((len(clips), len(names)))
    for fold in set(folds) - {""}:  # clips without a fold are trained on alone
        linear = calibration.CalibratedClassifierCV(svm.SVC(kernel="linear"), ensemble=False)
        model = pipeline.make_pipeline(preprocessing.StandardScaler(), linear)
        model.fit(rows[folds != fold], truth[folds != fold])
        scores[name][np.ix_(folds == fold, np.isin(names, model.classes_))] = model.predict_proba(rows[folds == fold])
scores["product"] = scores["voice"] * scores["face"]
for name, score in scores.items():
    clips[name] = names[score.argmax(1)]
    right, guess = truth[folds != ""], clips[name][folds != ""]
    figures = metrics.accuracy_score(right, guess), metrics.balanced_accuracy_score(right, guess)
    print("{}: accuracy {:.3f}, UAR {:.3f}".format(name, *figures))
clips[folds != ""].to_csv(sys.argv[2], index=False)
