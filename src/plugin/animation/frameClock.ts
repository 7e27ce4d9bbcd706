/** The time that goes by between two frames of a scene, as Babylon's animations have it. */
import type { Scene } from "@babylonjs/core/scene.js";

/** Of one thing that moves with the scene. */
export class FrameClock {
    private _stepId = -1;

    /**
     * Seconds that Babylon's animations went on in this frame: 0 while they are off, and scaled and fixed as theirs
     * are. Call it once per frame.
     */
    public secondsOf(scene: Scene): number {
        const stepId = scene.getStepId();
        const steps = scene.getEngine().isDeterministicLockStep() ? stepId - this._stepId : 1;
        this._stepId = stepId;
        return scene.animationsEnabled ? (Math.max(0, scene.deltaTime) * steps) / 1000 : 0;
    }
}
