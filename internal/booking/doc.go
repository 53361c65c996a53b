// Package booking is the domain: what the dashboard wants done, in which generation, who owns a host, what was done so far,
// what proves it, and what is told to whom. It knows no protocol.
//
// A job is a booking for its whole life. Its tasks come back under the same ids for provisioning, for a new image and for the
// end, so work is keyed by (job, task, generation): see Decide. What is to be done is stored as a Plan when it is dispatched;
// what was done is in one TaskRecord per task and one JobRecord per job; who may touch a host is its Owner.
package booking
