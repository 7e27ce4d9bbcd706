/**
 * One driver network for all avatars of a person: its identity features are theirs in common, and its runs take turns.
 */
import type { IDriver } from "../../runtime/models/driver.js";
import type { IFrameDriver } from "../../runtime/models/frameDriver.js";

/** One avatar's hold of a driver network. The last one to let go disposes the network. */
export class SharedDriver {
    private _disposed = false;

    /**
     * @param network owned from now on
     * @param _use common to all that share
     */
    public constructor(
        public readonly network: IDriver | IFrameDriver,
        private readonly _use: { users: number; last: Promise<unknown> } = { users: 0, last: Promise.resolve() },
    ) {
        _use.users++;
    }

    /** The same network for another avatar. */
    public share(): SharedDriver {
        return new SharedDriver(this.network, this._use);
    }

    /**
     * As {@link IDriver.run}, after the runs that others asked for earlier. The result is valid while the promise's own
     * reactions run.
     */
    public run(network: IDriver, positionMap: Float32Array | GPUBuffer): Promise<Float32Array | GPUBuffer> {
        const result = this._use.last.then(() => network.run(positionMap));
        // Whoever waits for the result has reacted to it before these two steps are through and the next run starts.
        this._use.last = result.catch(() => undefined).then(() => undefined);
        return result;
    }

    /** Lets go. May be called twice. */
    public dispose(): void {
        if (!this._disposed) {
            this._disposed = true;
            if (--this._use.users === 0) {
                this.network.dispose();
            }
        }
    }
}
