// Package world is the model of the simulated lab: what is true in it, whoever asks over whatever protocol.
//
// Hosts have power, a boot order, a disk with an image, accounts and files. Their NICs hang on switch ports. A host that is
// powered on goes through POST, then boots what its boot flag says: with pxe it looks for FOG, which it finds only if the port of its
// first NIC brings it into the provisioning VLAN untagged; if FOG has a task for it, the task runs, takes time, and the host
// boots again from the disk; if not, it boots the disk. An empty disk boots nothing. A host answers SSH only if it is on and booted,
// and one of its NICs is configured, on the host and on its switch port alike, for a VLAN that reaches the lab.
//
// Around the model stand the servers in the sibling packages. Tests assert on the model.
package world
