/** Names of nodes that turn an avatar's joints, as character files spell them. */

/** The joints that a node channel can turn. */
export type JointName = "neck" | "jaw" | "leftEye" | "rightEye";

const JointByKey: Readonly<Record<string, JointName>> = Object.freeze({
    head: "neck",
    neck: "neck",
    neck1: "neck",
    jaw: "jaw",
    lefteye: "leftEye",
    eyeleft: "leftEye",
    leye: "leftEye",
    eyel: "leftEye",
    righteye: "rightEye",
    eyeright: "rightEye",
    reye: "rightEye",
    eyer: "rightEye",
});

/**
 * @param name name of a node, as in `mixamorig:Head` or `Eye_L`
 * @returns the joint it turns, or null. Head and neck both turn the neck joint, the only one above the shoulders.
 */
export function FindJoint(name: string): JointName | null {
    const last = name.slice(Math.max(name.lastIndexOf("."), name.lastIndexOf(":"), name.lastIndexOf("/"), name.lastIndexOf("|")) + 1);
    const key = last.toLowerCase().replace(/[^a-z0-9]/g, "");
    return Object.hasOwn(JointByKey, key) ? JointByKey[key] : null;
}
