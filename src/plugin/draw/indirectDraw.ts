/**
 * Makes Babylon's next draw an indirect one whose arguments a sort has written, so that culled splats cost no vertex.
 * Babylon's own switch (`enableIndirectDraw`) makes a buffer that the processor writes at every draw; a draw context
 * draws whatever buffer it is given, though, and writes only its own. It must not keep ours: it would destroy it with
 * itself.
 */
import type { WebGPUEngine } from "@babylonjs/core/Engines/webgpuEngine.js";

/** One per material. */
export class IndirectDraw {
    private _context: WebGPUEngine["_currentDrawContext"] | null = null;

    /** Whether the next draw is the material's: it was bound and has not drawn since. */
    public get hasBegun(): boolean {
        return this._context !== null;
    }

    /** Call where the material is bound. @param drawArgs four u32 as for drawIndirect; borrowed */
    public begin(engine: WebGPUEngine, drawArgs: GPUBuffer): void {
        this._context = engine._currentDrawContext;
        // as it is already; said aloud, it allows indirect draws outside of bundles
        this._context.enableIndirectDraw = false;
        this._context.indirectDrawBuffer = drawArgs as unknown as typeof this._context.indirectDrawBuffer;
    }

    /** Call after the draw. */
    public end(): void {
        if (this._context) {
            this._context.indirectDrawBuffer = undefined;
            this._context = null;
        }
    }
}
