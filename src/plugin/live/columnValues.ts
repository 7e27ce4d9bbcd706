/**
 * The columns of one recording or stream: the latest value of each, and what face they make together. Columns may come
 * all at once or one by one.
 */
import { JointIndex, type IFaceFrame } from "./faceSource.js";
import { FindColumn, FirstAngle, SlotCount, type IColumnMeaning } from "./faceColumns.js";

interface IColumn extends IColumnMeaning {
    value: number;
}

/** Of one recording or stream. */
export class ColumnValues {
    /** Names that mean nothing here, in the order they came. */
    public readonly unknown = new Set<string>();
    /** By the name as it comes; null for unknown ones. */
    private readonly _byName = new Map<string, IColumn | null>();
    /** By its last part: the same parameter may come by two addresses. */
    private readonly _byOwnName = new Map<string, IColumn>();
    /** Whether there are weights of their own, so that mixtures do not count. */
    private _hasWeights = false;

    /** Takes the value of a column; what is no number is left out. @returns whether the name is known */
    public set(name: string, value: number): boolean {
        let column = this._byName.get(name);
        if (column === undefined) {
            column = this._find(name);
        }
        if (column && value === value) {
            column.value = value;
        }
        return column !== null;
    }

    /**
     * What all columns make together.
     * @param values [61] receives weights, 0..1, and angles
     * @param says [61] receives 1 where a column has said something, else 0
     */
    public composeToRef(values: Float32Array, says: Uint8Array): void {
        values.fill(0);
        says.fill(0);
        for (const { parts, isMixture, value } of this._byOwnName.values()) {
            const counts = value === value && !(isMixture && this._hasWeights);
            for (let at = 0; counts && at < parts.length; at++) {
                const { slot, scale, offset } = parts[at];
                const part = scale * value + offset;
                says[slot] = 1;
                values[slot] += slot < FirstAngle ? Math.min(1, Math.max(0, part)) : part;
            }
        }
        for (let slot = 0; slot < FirstAngle; slot++) {
            values[slot] = Math.min(1, values[slot]);
        }
    }

    private _find(name: string): IColumn | null {
        const meaning = FindColumn(name);
        if (!meaning) {
            this._byName.set(name, null);
            this.unknown.add(name);
            return null;
        }
        const own = name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf(".")) + 1).toLowerCase();
        const column = this._byOwnName.get(own) ?? { ...meaning, value: NaN };
        this._hasWeights ||= !meaning.isMixture && meaning.parts.some(({ slot }) => slot < FirstAngle);
        this._byOwnName.set(own, column);
        this._byName.set(name, column);
        return column;
    }
}

const FirstLook = 1; // eyeLookDownLeft
const LooksPerEye = 4;
const EyeStep = 7; // from a weight of the left eye to the same of the right

/**
 * Puts composed columns into a frame. Angles of the eyes count only where no `eyeLook` weight does: they mean the same
 * turn. Allocates nothing.
 * @param values [61] of {@link ColumnValues.composeToRef}
 * @param says [61] 0..1
 */
export function WriteColumnsToFrame(values: ArrayLike<number>, says: ArrayLike<number>, frame: IFaceFrame): void {
    for (let slot = 0; slot < FirstAngle; slot++) {
        frame.weights[slot] = values[slot];
        frame.says[slot] = says[slot];
    }
    WriteAngles(values, says, FirstAngle, Neck, 1, frame);
    WriteAngles(values, says, FirstAngle + 3, LeftEye, SaysLook(says, 0) ? 0 : 1, frame);
    WriteAngles(values, says, FirstAngle + 6, RightEye, SaysLook(says, 1) ? 0 : 1, frame);
}

const [Neck, LeftEye, RightEye] = [JointIndex("neck"), JointIndex("leftEye"), JointIndex("rightEye")];

function SaysLook(says: ArrayLike<number>, eye: number): boolean {
    for (let look = 0; look < LooksPerEye; look++) {
        if (says[FirstLook + eye * EyeStep + look] > 0) {
            return true;
        }
    }
    return false;
}

function WriteAngles(
    values: ArrayLike<number>,
    says: ArrayLike<number>,
    slot: number,
    joint: number,
    share: number,
    frame: IFaceFrame,
): void {
    frame.saysTurns[joint] = share * Math.max(says[slot], says[slot + 1], says[slot + 2]);
    QuaternionOfAngles(values, slot, frame.turns, 4 * joint);
}

/**
 * The turn of a head by yaw (to its left), then pitch (down), then roll (to its right), in canonical axes.
 * @param angles the three of them in radians, from `from` on
 * @param into receives x, y, z, w at `at`
 */
export function QuaternionOfAngles(angles: ArrayLike<number>, from: number, into: Float32Array, at: number): void {
    const yaw = angles[from];
    const pitch = angles[from + 1];
    const roll = angles[from + 2];
    const cy = Math.cos(yaw / 2);
    const sy = Math.sin(yaw / 2);
    const cp = Math.cos(pitch / 2);
    const sp = Math.sin(pitch / 2);
    const cr = Math.cos(roll / 2);
    const sr = Math.sin(roll / 2);
    into[at] = cy * sp * cr + sy * cp * sr;
    into[at + 1] = sy * cp * cr - cy * sp * sr;
    into[at + 2] = cy * cp * sr - sy * sp * cr;
    into[at + 3] = cy * cp * cr + sy * sp * sr;
}

/** Arrays for {@link ColumnValues.composeToRef}. */
export function CreateSlots(): { values: Float32Array; says: Uint8Array } {
    return { values: new Float32Array(SlotCount), says: new Uint8Array(SlotCount) };
}
