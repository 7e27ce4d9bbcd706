/**
 * A hat and a pair of glasses made of Babylon's primitives, in meters, in the avatar's axes: +Y up, +Z out of the face.
 */
import { Color3 } from "@babylonjs/core/Maths/math.color";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { CreateCapsule } from "@babylonjs/core/Meshes/Builders/capsuleBuilder";
import { CreateCylinder } from "@babylonjs/core/Meshes/Builders/cylinderBuilder";
import { CreateTorus } from "@babylonjs/core/Meshes/Builders/torusBuilder";
import { Mesh } from "@babylonjs/core/Meshes/mesh";
import type { Scene } from "@babylonjs/core/scene";
import { CreatePaint } from "../shared/stage";

/** A bowler hat; its origin is where it touches the crown of the head. */
export function CreateHat(scene: Scene): Mesh {
    const felt = CreatePaint(scene, "felt", new Color3(0.2, 0.1, 0.11), 0.04);
    const band = CreatePaint(scene, "band", new Color3(0.75, 0.42, 0.2), 0.1);
    const hat = new Mesh("hat", scene);
    const parts = [
        CreateCylinder("brim", { diameterTop: 0.288, diameterBottom: 0.296, height: 0.006, tessellation: 48 }, scene),
        CreateCylinder("side", { diameterTop: 0.202, diameterBottom: 0.216, height: 0.075, tessellation: 48 }, scene),
        CreateCylinder("top", { diameterTop: 0.13, diameterBottom: 0.202, height: 0.025, tessellation: 48 }, scene),
        CreateCylinder("band", { diameter: 0.219, height: 0.022, tessellation: 48 }, scene),
    ];
    [-0.055, -0.018, 0.032, -0.042].forEach((height, i) => {
        parts[i].parent = hat;
        parts[i].position.y = height;
        parts[i].material = i === 3 ? band : felt;
    });
    hat.rotation.x = -0.12; // worn a little back
    hat.position.z = -0.028; // the crown lies before the middle of the head
    return hat;
}

/** Round glasses; their origin is the bridge of the nose. */
export function CreateGlasses(scene: Scene): Mesh {
    const metal = CreatePaint(scene, "metal", new Color3(0.16, 0.16, 0.18), 0.6);
    const glass = CreatePaint(scene, "glass", new Color3(0.55, 0.68, 0.75), 0.9);
    glass.alpha = 0.18;
    const glasses = new Mesh("glasses", scene);
    const add = (mesh: Mesh, x: number, y: number, z: number, material = metal): Mesh => {
        mesh.parent = glasses;
        mesh.position.set(x, y, z);
        mesh.material = material;
        return mesh;
    };
    for (const side of [-1, 1]) {
        add(
            CreateTorus("rim", { diameter: 0.05, thickness: 0.0032, tessellation: 40 }, scene),
            0.0335 * side,
            -0.005,
            0.016,
        ).rotation.x = Math.PI / 2;
        add(
            CreateCylinder("lens", { diameter: 0.049, height: 0.001, tessellation: 32 }, scene),
            0.0335 * side,
            -0.005,
            0.016,
            glass,
        ).rotation.x = Math.PI / 2;
        const temple = CreateCapsule(
            "temple",
            { height: 0.115, radius: 0.0016, orientation: Vector3.Forward() },
            scene,
        );
        add(temple, 0.067 * side, 0.002, -0.041).rotation.y = -0.13 * side; // apart towards the ears
    }
    add(
        CreateCapsule("bridge", { height: 0.02, radius: 0.0018, orientation: Vector3.Right() }, scene),
        0,
        0.002,
        0.018,
    );
    return glasses;
}
