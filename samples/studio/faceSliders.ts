/** The main expressions as sliders: each moves what belongs together. */
import type { FlexAvatar } from "babylon-flexavatar";

const Sliders: Record<string, readonly string[]> = {
    Smile: ["mouthSmileLeft", "mouthSmileRight"],
    "Open mouth": ["jawOpen"],
    "Pursed lips": ["mouthPucker"],
    "Puffed cheeks": ["cheekPuff"],
    "Closed eyes": ["eyeBlinkLeft", "eyeBlinkRight"],
    "Wide eyes": ["eyeWideLeft", "eyeWideRight"],
    "Raised brows": ["browInnerUp", "browOuterUpLeft", "browOuterUpRight"],
    Frown: ["browDownLeft", "browDownRight"],
};
/** Radians about the axes of the neck. */
const Turns: Record<string, { axis: "x" | "y" | "z"; limit: number }> = {
    "Turn of the head": { axis: "y", limit: 0.9 },
    "Nod of the head": { axis: "x", limit: 0.4 },
};

export class FaceSliders {
    private readonly _inputs = new Map<string, HTMLInputElement>();

    /**
     * @param avatar the avatar of the moment
     * @param onMove told before a slider takes over
     */
    public constructor(avatar: () => FlexAvatar, onMove: () => void) {
        for (const [label, names] of Object.entries(Sliders)) {
            this._add(label, 0, 1, (value) => {
                onMove();
                names.forEach((name) => (avatar().expression.getTrack(name).influence = value));
            });
        }
        for (const [label, { axis, limit }] of Object.entries(Turns)) {
            this._add(label, -limit, limit, (value) => {
                onMove();
                avatar().neck.rotation[axis] = value;
            });
        }
    }

    /** Moves the sliders to where the face is. */
    public follow(avatar: FlexAvatar): void {
        for (const [label, input] of this._inputs) {
            const names = Sliders[label];
            const value = names
                ? avatar.expression.getTrack(names[0]).influence
                : avatar.neck.rotation[Turns[label].axis];
            input.value = String(value);
        }
    }

    private _add(text: string, min: number, max: number, onInput: (value: number) => void): void {
        const input = Object.assign(document.createElement("input"), {
            type: "range",
            min,
            max,
            step: max / 20,
            value: 0,
        });
        input.addEventListener("input", () => onInput(Number(input.value)));
        const label = Object.assign(document.createElement("label"), { className: "slider" });
        label.append(Object.assign(document.createElement("span"), { textContent: text }), input);
        document.getElementById("face")!.append(label);
        this._inputs.set(text, input);
    }
}
