/** Boxes of avatars as the mesh that draws them needs them: around all, and one by one. */
import type { Plane } from "@babylonjs/core/Maths/math.plane.js";
import type { Vector3 } from "@babylonjs/core/Maths/math.vector.js";
import { IsShown, type ISplatMember } from "./splatView.js";

/**
 * The world's box around all avatars that are shown, or a point at the origin without any. Allocates nothing.
 * @param minimum receives the corner
 * @param maximum receives the other one
 */
export function BoxAroundToRef(members: readonly ISplatMember[], minimum: Vector3, maximum: Vector3): void {
    // Numbers of our own, not Babylon's methods: what a call is given is an object each time.
    let leastX = Infinity;
    let leastY = Infinity;
    let leastZ = Infinity;
    let mostX = -Infinity;
    let mostY = -Infinity;
    let mostZ = -Infinity;
    for (let index = 0; index < members.length; index++) {
        const member = members[index];
        if (!IsShown(member)) {
            continue;
        }
        const { m } = member.posedNode.computeWorldMatrix();
        const { min, max } = member.splats!.buffers.bounds;
        for (let corner = 0; corner < 8; corner++) {
            const x = corner & 1 ? max[0] : min[0];
            const y = corner & 2 ? max[1] : min[1];
            const z = corner & 4 ? max[2] : min[2];
            const worldX = m[0] * x + m[4] * y + m[8] * z + m[12];
            const worldY = m[1] * x + m[5] * y + m[9] * z + m[13];
            const worldZ = m[2] * x + m[6] * y + m[10] * z + m[14];
            leastX = Math.min(leastX, worldX);
            leastY = Math.min(leastY, worldY);
            leastZ = Math.min(leastZ, worldZ);
            mostX = Math.max(mostX, worldX);
            mostY = Math.max(mostY, worldY);
            mostZ = Math.max(mostZ, worldZ);
        }
    }
    const isEmpty = leastX > mostX;
    minimum.set(isEmpty ? 0 : leastX, isEmpty ? 0 : leastY, isEmpty ? 0 : leastZ);
    maximum.set(isEmpty ? 0 : mostX, isEmpty ? 0 : mostY, isEmpty ? 0 : mostZ);
}

/** Whether no plane has all of an avatar's box behind it. */
export function BoxIsInFrustum({ posedNode, splats }: ISplatMember, planes: readonly Plane[]): boolean {
    const { m } = posedNode.getWorldMatrix();
    const { min, max } = splats!.buffers.bounds;
    for (let at = 0; at < planes.length; at++) {
        const { normal, d } = planes[at];
        let distance = d + normal.x * m[12] + normal.y * m[13] + normal.z * m[14];
        for (let axis = 0; axis < 3; axis++) {
            const slope = normal.x * m[4 * axis] + normal.y * m[4 * axis + 1] + normal.z * m[4 * axis + 2];
            distance += slope * (slope > 0 ? max[axis] : min[axis]);
        }
        if (!(distance >= 0)) {
            return false;
        }
    }
    return true;
}
